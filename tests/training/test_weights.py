import json
from pathlib import Path

import pytest
import torch

from training.config import HourglassConfig
from training.models.hourglass import Hourglass
from training.weights import load_student, save_student, start_from

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
        start_from(Hourglass(HourglassConfig()), tmp_path)


def test_a_deeper_student_goes_on_where_a_shallower_one_was(tmp_path: Path) -> None:
    torch.manual_seed(0)
    shallow, deep = (Hourglass(SMALL.model_copy(update={"depths": depths})) for depths in ((1, 1, 1, 1), (1, 3, 2, 1)))
    frame = torch.rand(2, 4, 32, 64)
    for _ in range(3):
        shallow(frame)  # running means of the norms
    save_student(tmp_path, shallow, {})
    start_from(deep, tmp_path)
    assert torch.equal(deep.eval()(frame), shallow.eval()(frame))
    with pytest.raises(ValueError, match="does not fit"):  # nothing says which of its blocks could go
        save_student(tmp_path, deep, {})
        start_from(shallow, tmp_path)
