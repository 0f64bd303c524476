from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from training.export import write_onnx
from training.runtime import Student


class Brightness(nn.Module):
    """A stand-in student: alpha is half the red channel and half the prior."""

    def forward(self, frame: Tensor) -> Tensor:
        return 0.5 * frame[:, :1] + 0.5 * frame[:, 3:]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "student.onnx"
    write_onnx(Brightness(), path, (16, 32), opset=17)
    return path


def _red(height: int, width: int) -> np.ndarray:
    frame = np.zeros((height, width, 3), np.uint8)
    frame[..., 0] = 255
    return frame


def test_alpha_has_the_frames_size_and_grows_with_the_prior(model: Path) -> None:
    student = Student(model)
    alphas = [student(_red(50, 40)) for _ in range(3)]
    assert alphas[0].shape == (50, 40) and alphas[0].dtype == np.uint8
    # 1/2, then 1/2 + 1/4, then 1/2 + 3/8: each prior is the alpha before.
    assert [int(alpha[25, 20]) for alpha in alphas] == [128, 191, 223]


def test_reset_forgets_the_previous_frame(model: Path) -> None:
    student = Student(model)
    first = student(_red(16, 32))
    student(_red(16, 32))
    student.reset()
    assert np.array_equal(student(_red(16, 32)), first)


def test_colours_are_rgb_in_unit_range(model: Path) -> None:
    tensor = Student(model).tensor(_red(16, 32))
    assert tensor.shape == (1, 4, 16, 32) and tensor.dtype == np.float32
    assert tensor[0, 0].min() == pytest.approx(1.0) and tensor[0, 1:].max() == 0


def test_a_missing_file_and_another_model_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="dvc repro export"):
        Student(tmp_path / "none.onnx")
    other = tmp_path / "other.onnx"
    torch.onnx.export(
        nn.ReLU(), (torch.zeros(1, 3, 8, 8),), str(other), input_names=["x"], output_names=["y"], dynamo=False
    )
    with pytest.raises(ValueError, match="no student"):
        Student(other)
