"""No module of ours runs what it reads, starts a shell or loads a pickle."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
import yaml

from pipeline.house import FRAME_STAGES, RESULT_STAGES

REPOSITORY = Path(__file__).parents[2]
FOLDERS = ("pipeline", "training", "qa", "stages", "datasets", "benchmarks")


NEVER_IMPORTED = {
    "pickle", "cPickle", "_pickle", "dill", "cloudpickle", "marshal", "shelve", "joblib", "jsonpickle", "pty",
}  # fmt: skip
NEVER_NAMED = {
    "eval", "exec", "builtins.eval", "builtins.exec", "os.system", "os.popen", "subprocess.getoutput",
    "subprocess.getstatusoutput", "asyncio.create_subprocess_shell", "yaml.load", "yaml.load_all", "yaml.full_load",
    "yaml.full_load_all", "yaml.unsafe_load", "yaml.unsafe_load_all", "yaml.Loader", "yaml.UnsafeLoader",
    "yaml.FullLoader", "yaml.CLoader", "torch.save", "torch.jit.load", "torch.hub.load",
    "torch.package.PackageImporter", "pandas.read_pickle", "numpy.memmap", "tempfile.mktemp",
    "shutil.unpack_archive", "os.spawnlp", "code.interact",
}  # fmt: skip
NEVER_CALLED = {"extractall", "to_pickle", "read_pickle", "unpack_archive"}
"""Methods, whatever they belong to."""


def aliases(tree: ast.AST) -> dict[str, str]:
    """Names that imports bind, with what they stand for: `import numpy as np` binds `np` to `numpy`."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {a.asname: a.name for a in node.names if a.asname}
            found |= {name: name for a in node.names if not a.asname for name in [a.name.split(".")[0]]}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return found


def dotted(node: ast.AST, names: dict[str, str]) -> str:
    """`np.load` as `numpy.load`; "" for what is no dotted name."""
    if isinstance(node, ast.Name):
        return names.get(node.id, node.id)
    if isinstance(node, ast.Attribute) and (before := dotted(node.value, names)):
        return f"{before}.{node.attr}"
    return ""


def is_true(value: ast.AST) -> bool:
    return isinstance(value, ast.Constant) and value.value is True


def is_false(value: ast.AST) -> bool:
    return isinstance(value, ast.Constant) and value.value is False


def dangers(source: str) -> list[str]:
    """`line: what` for everything in a module that could run what it reads, or hand a string to a shell."""
    tree = ast.parse(source)
    names = aliases(tree)
    found: list[tuple[int, str]] = []
    checked: set[ast.AST] = set()
    for node in ast.walk(tree):  # a call comes before the name that it calls
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module or ""]
            found += [(node.lineno, name) for name in modules if name.split(".")[0] in NEVER_IMPORTED]
            if isinstance(node, ast.ImportFrom):
                full = [f"{node.module}.{a.name}" for a in node.names]
                found += [(node.lineno, name) for name in full if name in NEVER_NAMED | {"torch.load", "numpy.load"}]
        elif isinstance(node, ast.Call):
            name, words = dotted(node.func, names), {word.arg: word.value for word in node.keywords}
            if name == "torch.load" and "weights_only" in words and is_true(words["weights_only"]):
                checked.add(node.func)
            if name == "numpy.load" and None not in words and is_false(words.get("allow_pickle", ast.Constant(False))):
                checked.add(node.func)
            risky = [word for word in ("shell", "allow_pickle") if word in words and not is_false(words[word])]
            found += [(node.lineno, f"{word}=…") for word in risky]
            if "autoescape" in words and not is_true(words["autoescape"]):
                found.append((node.lineno, "autoescape"))
            if isinstance(node.func, ast.Attribute) and node.func.attr in NEVER_CALLED:
                found.append((node.lineno, node.func.attr))
            literals = [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            if name in ("importlib.import_module", "__import__"):
                found += [(node.lineno, text) for text in literals if text.split(".")[0] in NEVER_IMPORTED]
        elif isinstance(node, ast.Name | ast.Attribute):
            name = dotted(node, names)
            if name in NEVER_NAMED or (name in ("torch.load", "numpy.load") and node not in checked):
                found.append((node.lineno, name))
    return [f"{line}: {what}" for line, what in sorted(set(found))]


@pytest.mark.parametrize(
    "source",
    [
        "import pickle", "from pickle import loads", "import cloudpickle as safe", "import os\nos.system(name)",
        "from os import system", "import torch\ntorch.load(path)", "from torch import load",
        "import torch as t\nt.load(path, weights_only=False)", "import torch\ntorch.load(path, weights_only=flag)",
        "import torch\nread = torch.load", "import torch\ntorch.save(model, path)",
        "import numpy as np\nnp.load(path, allow_pickle=True)",
        "import numpy as np\nnp.load(path, **options)", "import yaml\nyaml.load(text, Loader=yaml.SafeLoader)",
        "from yaml import unsafe_load", "import yaml\nread = yaml.full_load", "eval(text)", "run = exec",
        "import subprocess\nsubprocess.run(f'ffmpeg {name}', shell=True)", "subprocess.Popen(command, shell=flag)",
        "tarball.extractall(folder)", "frame.to_pickle(path)", "import importlib\nimportlib.import_module('pickle')",
        "Environment(autoescape=False)", "def f():\n    import marshal",
    ],
)  # fmt: skip
def test_the_search_finds_what_it_is_made_to_find(source: str) -> None:
    assert dangers(source)


@pytest.mark.parametrize(
    "source",
    [
        "model.eval()", "import torch\ntorch.load(path, map_location='cpu', weights_only=True)",
        "import numpy as np\nnp.load(path)", "import yaml\nyaml.safe_load(text)", "subprocess.run([program, name])",
        "tarball.extractfile(member)", "Environment(autoescape=True)", "subprocess.run(command, shell=False)",
    ],
)  # fmt: skip
def test_the_search_leaves_the_rest_alone(source: str) -> None:
    assert dangers(source) == []


def test_no_module_runs_what_it_reads_or_starts_a_shell() -> None:
    files = [path for folder in FOLDERS for path in sorted((REPOSITORY / folder).rglob("*.py"))]
    assert len(files) > 100
    found = {str(path.relative_to(REPOSITORY)): dangers(path.read_text()) for path in files}
    assert {name: lines for name, lines in found.items() if lines} == {}


def test_templates_mark_nothing_as_safe_but_their_own_words() -> None:
    templates = sorted((REPOSITORY / "qa" / "templates").glob("*.j2"))
    assert templates
    for template in templates:
        text = template.read_text()
        assert len(re.findall(r"\|\s*safe\b", text)) == len(re.findall(r"'[^'{}]*'\s*\|\s*safe\b", text)), template
        assert "autoescape" not in text, template


def test_the_commands_of_dvc_hold_no_name_from_outside() -> None:
    stages = yaml.safe_load((REPOSITORY / "dvc.yaml").read_text())["stages"]
    expected = {name: f"exec autoroto run {name}" for name in (*FRAME_STAGES, *RESULT_STAGES)}
    assert {name: stage["cmd"] for name, stage in stages.items()} == expected | {"fetch": "exec autoroto fetch"}
