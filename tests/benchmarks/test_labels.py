"""The figures that `benchmarks/labels.py` draws from scores."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from pipeline.truth import Burst

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def labels(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("labels")


def test_best_teacher_is_by_average_and_oracle_by_frame(labels: ModuleType) -> None:
    frames = [
        {"default": (0.9, 0.8), "median": (0.7, 0.6), "a": (0.95, 0.5), "b": (0.60, 0.9)},
        {"default": (0.8, 0.6), "median": (0.5, 0.4), "a": (0.65, 0.3), "b": (0.90, 0.7)},
    ]
    summary = labels.summarise(frames, ["a", "b"])
    assert list(summary)[:4] == ["default", "median", "best_teacher", "oracle"]
    assert summary["default"] == {"iou": 0.85, "bf": 0.7}
    assert summary["best_teacher"] == summary["a"] == {"iou": 0.8, "bf": 0.4}
    assert summary["oracle"] == {"iou": 0.925, "bf": 0.6}


@pytest.mark.parametrize(("wanted", "kept"), [(16, 2), (1, 1), (1000, 10)])
def test_quick_takes_whole_bursts_spread_over_each_set(labels: ModuleType, wanted: int, kept: int) -> None:
    known = [
        labels.Known(name, f"{name}/{index}", Burst(tuple(range(8)), (bytes([index]),) * 8))
        for name in ("one", "two")
        for index in range(10)
    ]
    chosen = labels.spread(known, wanted)
    for name in ("one", "two"):
        assert len({one.group for one in chosen if one.collection == name}) == kept
    assert len(chosen) == 2 * kept


def test_help_explains_the_methods() -> None:
    script = str(BENCHMARKS / "labels.py")
    shown = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True, check=True).stdout
    for word in ("oracle", "best_teacher", "leave_one_out", "--quick", "--truth", "--cache"):
        assert word in shown
