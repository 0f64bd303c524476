"""`benchmarks/live.py` on a burst and a video small enough for a test."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from torch import Tensor, nn

from datasets.video import write_video
from training.evaluation_set import MeasuredBurst
from training.export import write_onnx

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
TRUTH = np.zeros((60, 120), np.uint8)
TRUTH[20:, 40:80] = 255
IMAGE = np.where(TRUTH[..., None] > 0, 220, 40).astype(np.uint8).repeat(3, axis=2)


class Bright(nn.Module):
    """A stand-in student: who is bright is a person."""

    def forward(self, frame: Tensor) -> Tensor:
        return (frame[:, :1] > 0.5).float() + 0 * frame[:, 3:]


@pytest.fixture
def live(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("live")


@pytest.fixture
def student(tmp_path: Path) -> Path:
    write_onnx(Bright(), tmp_path / "student.onnx", (32, 64), opset=17)
    return tmp_path / "student.onnx"


def test_every_way_is_timed_and_scored_on_every_burst(live: ModuleType, student: Path) -> None:
    bursts = [MeasuredBurst("keyed", "b", tuple(range(8)), (IMAGE,) * 8, (TRUTH,) * 8, {})] * 2
    found = live.measure(student, iter(bursts), 0)
    assert set(found) == {"bare network", "linear", "guided", "skip", "skip, guided"}
    assert all(row["ms"] > 0 for row in found.values())
    # Each burst begins anew: frames 0 and 1 of 8 are looked at.
    assert found["skip"]["skipped"] == pytest.approx(6 / 8) and found["linear"]["skipped"] == 0
    assert found["linear"]["iou"] > 0.9 and found["guided"]["dtssd"] == 0
    assert found["skip"]["iou"] == found["linear"]["iou"]


def test_frames_can_be_enlarged_first(live: ModuleType, student: Path) -> None:
    burst = MeasuredBurst("keyed", "b", (0, 1), (IMAGE,) * 2, (TRUTH,) * 2, {})
    assert live._enlarged(IMAGE, 120).shape == (120, 240, 3) and live._enlarged(TRUTH, 120).shape == (120, 240)
    assert live.measure(student, iter([burst]), 120)["linear"]["iou"] > 0.9


def test_a_whole_video_tells_what_skipping_saves_and_changes(live: ModuleType, student: Path, tmp_path: Path) -> None:
    write_video(tmp_path / "still.mp4", [IMAGE] * 20, fps=10)
    row = live.stream(student, tmp_path / "still.mp4", 17, 0)
    assert row["frames"] == 17 and row["skipped"] == pytest.approx(14 / 17)  # looked at: 0, 1, 16
    assert row["iou"] > 0.99 and row["iou_least"] <= row["iou"] and row["mad"] < 5
