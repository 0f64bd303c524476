"""torchvision imports, whatever torch build is there, and nothing is defined that need not be."""

import sys

import pytest
import torch

from stages.teachers import torchvision_shim
from stages.teachers.torchvision_shim import OPERATORS, import_torchvision


def test_torchvision_and_segment_anything_import() -> None:
    import_torchvision()
    import segment_anything
    import torchvision

    assert "torchvision" in sys.modules and torchvision.__version__ and segment_anything.SamPredictor
    assert all(hasattr(torch.ops.torchvision, name) for name in OPERATORS)


def test_a_second_call_defines_nothing() -> None:
    import_torchvision()
    before = len(torchvision_shim._libraries)
    import_torchvision()
    assert len(torchvision_shim._libraries) == before <= 1


def test_a_machine_whose_extension_loads_is_untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    import_torchvision()
    monkeypatch.setattr(torchvision_shim, "extension_loads", lambda: True)

    defined: list[object] = []
    monkeypatch.setattr(torch.library, "Library", lambda *given: defined.append(given))
    import_torchvision()
    assert not defined


def test_without_torchvision_there_is_no_extension(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchvision_shim.importlib.util, "find_spec", lambda name: None)
    assert not torchvision_shim.extension_loads()
