import json
from pathlib import Path

import pytest
import torch

from training.config import HourglassConfig
from training.models.hourglass import Hourglass
from training.weights import load_into, load_student, save_student

SMALL = HourglassConfig(height=32, width=64, channels=(8, 12, 16, 16), squeeze=(4, 4, 8, 8), depths=(1, 1, 1, 1))


def test_a_student_comes_back_whole(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = Hourglass(SMALL).eval()
    save_student(tmp_path, model, {"val_iou": 0.5})
    frame = torch.rand(1, 4, 32, 64)
    assert torch.equal(load_student(tmp_path)(frame), model(frame))
    assert json.loads((tmp_path / "student.json").read_text())["val_iou"] == 0.5


def test_a_missing_student_and_another_architecture_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="train stage"):
        load_student(tmp_path)
    save_student(tmp_path, Hourglass(SMALL), {})
    with pytest.raises(ValueError, match=r"train\.model"):
        load_into(Hourglass(HourglassConfig()), tmp_path)
