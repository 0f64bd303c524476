"""A video and a photo with another background."""

from pathlib import Path

import numpy as np
import pytest
from torch import Tensor, nn

from datasets.images import encode_jpeg
from datasets.media import MediaError, read_photo
from datasets.video import read_frames, write_video
from training.apply import Applied, apply
from training.export import write_onnx
from training.live_config import LiveConfig


class LeftHalf(nn.Module):
    """A stand-in student whose person fills the left half."""

    def forward(self, frame: Tensor) -> Tensor:
        columns = (frame * 0).cumsum(3)[:, :1] + (frame * 0 + 1).cumsum(3)[:, :1]
        return (columns <= frame.shape[3] // 2).float()


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "student.onnx"
    write_onnx(LeftHalf(), path, (16, 32), opset=17)
    return path


WHITE = np.full((32, 64, 3), 255, np.uint8)


def halves(image: np.ndarray) -> tuple[list[int], list[int]]:
    return image[16, 8].tolist(), image[16, 56].tolist()


def test_a_video_gets_another_background(student: Path, tmp_path: Path) -> None:
    write_video(tmp_path / "in.mp4", [WHITE] * 5, fps=10)
    seen: list[tuple[int, int]] = []
    done = apply(
        source=tmp_path / "in.mp4", student=student, background="#0000ff", out=tmp_path / "new" / "out.mp4",
        progress=lambda done, total: seen.append((done, total)),
    )  # fmt: skip
    assert done == Applied(frames=5, inferred=2, shots=1) and seen[-1] == (5, 5)
    frames = [image for _, image in read_frames(tmp_path / "new" / "out.mp4")]
    assert len(frames) == 5
    person, background = halves(frames[4])
    assert min(person) > 230 and background[2] > 200 and max(background[:2]) < 40
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["out.mp4"]


def test_every_frame_is_looked_at_without_skipping(student: Path, tmp_path: Path) -> None:
    write_video(tmp_path / "in.mp4", [WHITE] * 5, fps=10)
    done = apply(
        source=tmp_path / "in.mp4", student=student, background="blur", out=tmp_path / "out.mov",
        config=LiveConfig(skip=False),
    )  # fmt: skip
    assert done.inferred == 5


def test_a_video_behind_runs_along(student: Path, tmp_path: Path) -> None:
    write_video(tmp_path / "in.mp4", [WHITE] * 4, fps=10)
    write_video(tmp_path / "behind.mp4", [WHITE // 8, WHITE // 2], fps=10)
    apply(
        source=tmp_path / "in.mp4", student=student, background=str(tmp_path / "behind.mp4"), out=tmp_path / "out.mp4"
    )
    levels = [np.mean(halves(image)[1]) for _, image in read_frames(tmp_path / "out.mp4")]
    assert levels == [pytest.approx(level, abs=8) for level in (31, 127, 31, 127)]


@pytest.mark.parametrize("suffix", [".png", ".JPG"])
def test_a_photo_gets_another_background(student: Path, tmp_path: Path, suffix: str) -> None:
    (tmp_path / "in.jpg").write_bytes(encode_jpeg(WHITE))
    out = tmp_path / f"out{suffix}"
    assert apply(source=tmp_path / "in.jpg", student=student, background="#00b140", out=out) == Applied(1, 1, 1)
    person, background = halves(read_photo(out))
    assert min(person) > 250 and background == [pytest.approx(value, abs=3) for value in (0, 0xB1, 0x40)]


def test_what_cannot_be_done_is_said_before_any_work(student: Path, tmp_path: Path) -> None:
    write_video(tmp_path / "in.mp4", [WHITE], fps=10)
    before = (tmp_path / "in.mp4").read_bytes()
    cases = [
        (tmp_path / "gone.mp4", tmp_path / "out.mp4", FileNotFoundError, r"gone\.mp4: no such video or photo"),
        (tmp_path / "in.mp4", tmp_path / "in.mp4", ValueError, "would replace the footage"),
        (tmp_path / "in.mp4", tmp_path / "out.png", ValueError, r"in\.mp4 is a video; .*\.mp4"),
        (tmp_path / "in.mp4", tmp_path / "out", ValueError, "is a video"),
    ]
    for source, out, error, message in cases:
        with pytest.raises(error, match=message):
            apply(source=source, student=student, background="blur", out=out)
    with pytest.raises(ValueError, match="would replace the footage or the background"):
        write_video(tmp_path / "sea.mp4", [WHITE], fps=10)
        apply(
            source=tmp_path / "in.mp4", student=student, background=str(tmp_path / "sea.mp4"), out=tmp_path / "sea.mp4"
        )
    assert (tmp_path / "in.mp4").read_bytes() == before


def test_a_video_that_breaks_leaves_no_half_of_the_out_and_the_old_one(student: Path, tmp_path: Path) -> None:
    (tmp_path / "in.mp4").write_bytes(b"no video at all")
    (tmp_path / "out.mp4").write_bytes(b"the old one")
    with pytest.raises(MediaError, match=r"in\.mp4"):
        apply(source=tmp_path / "in.mp4", student=student, background="blur", out=tmp_path / "out.mp4")
    write_video(tmp_path / "good.mp4", [WHITE] * 3, fps=10)

    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        apply(source=tmp_path / "good.mp4", student=student, background="blur", out=tmp_path / "out.mp4", progress=stop)
    assert (tmp_path / "out.mp4").read_bytes() == b"the old one"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["good.mp4", "in.mp4", "out.mp4"]
