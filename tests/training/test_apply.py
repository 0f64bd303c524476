from pathlib import Path

import numpy as np
import pytest
from torch import Tensor, nn

from datasets.images import encode_png
from datasets.video import read_frames, write_video
from training.apply import apply, backdrop, composite, cover
from training.export import write_onnx


class LeftHalf(nn.Module):
    """A stand-in student whose person fills the left half."""

    def forward(self, frame: Tensor) -> Tensor:
        columns = (frame * 0).cumsum(3)[:, :1] + (frame * 0 + 1).cumsum(3)[:, :1]
        return (columns <= frame.shape[3] // 2).float()


def test_a_video_gets_another_background(tmp_path: Path) -> None:
    write_onnx(LeftHalf(), tmp_path / "student.onnx", (16, 32), opset=17)
    white = np.full((32, 64, 3), 255, np.uint8)
    write_video(tmp_path / "in.mp4", [white] * 5, fps=10)
    seen: list[tuple[int, int]] = []
    count = apply(
        video=tmp_path / "in.mp4", student=tmp_path / "student.onnx", background="#0000ff",
        out=tmp_path / "out.mp4", progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert count == 5 and seen[-1] == (5, 5)
    frames = [image for _, image in read_frames(tmp_path / "out.mp4")]
    assert len(frames) == 5
    assert frames[2][16, 8].min() > 230
    assert frames[2][16, 56, 2] > 200 and frames[2][16, 56, :2].max() < 40


def test_composite_by_hand() -> None:
    image, behind = np.full((1, 3, 3), 200, np.uint8), np.full((1, 3, 3), 100, np.uint8)
    alpha = np.array([[255, 0, 51]], np.uint8)
    assert composite(image, alpha, behind)[0, :, 0].tolist() == [200, 100, 120]


def test_blur_keeps_size_and_mean_and_removes_detail() -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    blurred = backdrop("blur")(image)
    assert blurred.shape == image.shape
    assert abs(float(blurred.mean()) - float(image.mean())) < 3
    assert blurred.std() < 0.3 * image.std()


def test_a_picture_is_cropped_in_the_middle_not_distorted(tmp_path: Path) -> None:
    picture = np.zeros((20, 60, 3), np.uint8)
    picture[:, 20:40] = 255
    assert (cover(picture, (10, 10)) == 255).all()
    (tmp_path / "wide.png").write_bytes(encode_png(picture))
    assert backdrop(str(tmp_path / "wide.png"))(np.zeros((10, 10, 3), np.uint8)).min() == 255


@pytest.mark.parametrize(("background", "error"), [("nowhere.jpg", FileNotFoundError), ("blur:0", ValueError)])
def test_an_impossible_background_says_what_is_possible(background: str, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"blur"):
        backdrop(background)
