from __future__ import annotations

import importlib
import sys

import pytest

from pipeline import code_digest as module
from pipeline.code_digest import code_digest

MAIN = '''"""A stage."""
from stages_under_test import helper


def work(x):
    """Doc."""
    return helper.double(x)  # why
'''
HELPER = """def double(x):
    return 2 * x
"""


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A throw-away package whose modules count as a floor; `write` changes one and forgets what was read."""
    folder = tmp_path / "stages_under_test"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(module, "FLOORS", ("stages_under_test",))

    def write(name, text):
        (folder / f"{name}.py").write_text(text)
        importlib.invalidate_caches()
        for cached in (module._imports, module._exists, module._path):
            cached.cache_clear()

    write("__init__", "")
    write("main", MAIN)
    write("helper", HELPER)
    write("stranger", "x = 1\n")
    yield write
    for name in [name for name in sys.modules if name.startswith("stages_under_test")]:
        del sys.modules[name]


def digest():
    return code_digest("stages_under_test.main")


@pytest.mark.parametrize(
    "name, text",
    [
        ("main", MAIN.replace("# why", "# another why").replace('"""Doc."""', '"""Another doc."""')),
        ("main", MAIN.replace("helper.double(x)", "helper.double(\n        x\n    )")),
        ("helper", '"""Now documented."""\n' + HELPER),
        ("stranger", "x = 2\n"),
    ],
    ids=["docstring and comment", "line breaks", "docstring of an import", "unrelated module"],
)
def test_what_changes_no_number_changes_no_digest(package, name, text):
    before = digest()
    package(name, text)
    assert digest() == before


@pytest.mark.parametrize(
    "name, text",
    [
        ("main", MAIN.replace("double(x)", "double(x + 1)")),
        ("helper", HELPER.replace("2", "3")),
        ("__init__", "flag = True\n"),
    ],
    ids=["the stage", "what it imports", "the package"],
)
def test_a_changed_statement_changes_the_digest(package, name, text):
    before = digest()
    package(name, text)
    assert digest() != before


def test_imports_are_followed_through_every_form(package):
    package("main", "def f():\n    from . import helper\n    return helper\n")
    before = digest()
    package("helper", "x = 5\n")
    assert digest() != before


def test_a_missing_module_is_an_error():
    with pytest.raises(ModuleNotFoundError):
        code_digest("stages.nowhere")
