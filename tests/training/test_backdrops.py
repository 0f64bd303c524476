"""What goes behind a person, by hand."""

from pathlib import Path

import numpy as np
import pytest

from datasets.images import encode_png
from datasets.media import MediaError
from datasets.video import write_video
from training.backdrops import MovingBackdrop, backdrop, composite, cover

NOBODY = np.zeros((60, 80), np.uint8)


def test_composite_by_hand() -> None:
    image, behind = np.full((1, 3, 3), 200, np.uint8), np.full((1, 3, 3), 100, np.uint8)
    alpha = np.array([[255, 0, 51]], np.uint8)
    assert composite(image, alpha, behind)[0, :, 0].tolist() == [200, 100, 120]


def test_blur_keeps_size_and_mean_and_removes_detail() -> None:
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    blurred = backdrop("blur")(image, NOBODY, 0)
    assert blurred.shape == image.shape
    assert abs(float(blurred.mean()) - float(image.mean())) < 3
    assert blurred.std() < 0.3 * image.std()


def test_the_person_does_not_shine_into_the_blur() -> None:
    image, alpha = np.full((60, 80, 3), 40, np.uint8), NOBODY.copy()
    image[20:40, 20:60], alpha[20:40, 20:60] = 250, 255
    beside = np.s_[15:18, 20:60]
    assert backdrop("blur")(image, NOBODY, 0)[beside].mean() > 60  # a plain blur has the halo
    assert backdrop("blur")(image, alpha, 0)[beside].mean() == pytest.approx(40, abs=2)


def test_a_frame_full_of_person_has_a_finite_blur() -> None:
    image = np.full((60, 80, 3), 90, np.uint8)
    assert np.all(backdrop("blur")(image, NOBODY + 255, 0) == 90)


def test_a_colour_is_rgb() -> None:
    assert backdrop("#0a141e")(np.zeros((2, 3, 3), np.uint8), NOBODY, 0)[1, 2].tolist() == [10, 20, 30]


def test_a_picture_is_cropped_in_the_middle_not_distorted(tmp_path: Path) -> None:
    picture = np.zeros((20, 60, 3), np.uint8)
    picture[:, 20:40] = 255
    assert (cover(picture, (10, 10)) == 255).all()
    (tmp_path / "wide.png").write_bytes(encode_png(picture))
    behind = backdrop(str(tmp_path / "wide.png"))
    assert behind(np.zeros((10, 10, 3), np.uint8), NOBODY, 0).min() == 255
    assert behind(np.zeros((20, 60, 3), np.uint8), NOBODY, 40_000).min() == 0  # frames of another size later


@pytest.fixture
def ramp(tmp_path: Path) -> Path:
    """Four frames of 100 ms: grey levels 0, 80, 160, 240."""
    path = tmp_path / "ramp.mp4"
    write_video(path, [np.full((32, 64, 3), level, np.uint8) for level in (0, 80, 160, 240)], fps=10)
    return path


def test_a_video_runs_at_its_own_speed_and_begins_anew(ramp: Path) -> None:
    behind, image = backdrop(str(ramp)), np.zeros((16, 16, 3), np.uint8)
    shown = [int(behind(image, NOBODY, milliseconds * 1000).mean()) for milliseconds in range(0, 900, 50)]
    assert np.round(np.array(shown) / 80).tolist() == [0, 0, 1, 1, 2, 2, 3, 3] * 2 + [0, 0]


def test_a_video_keeps_up_when_frames_are_left_out_and_rounds_are_skipped(ramp: Path) -> None:
    behind, image = backdrop(str(ramp)), np.zeros((16, 16, 3), np.uint8)
    assert behind(image, NOBODY, 1_950_000).mean() == pytest.approx(240, abs=3)  # of the fifth round the last


def test_a_video_of_one_frame_stands(tmp_path: Path) -> None:
    write_video(tmp_path / "one.mp4", [np.full((32, 64, 3), 120, np.uint8)], fps=10)
    behind = MovingBackdrop(tmp_path / "one.mp4")
    shown = [behind(np.zeros((16, 16, 3), np.uint8), NOBODY, time).mean() for time in (0, 500_000, 3_000_000)]
    assert shown == [pytest.approx(120, abs=2)] * 3


@pytest.mark.parametrize(("background", "error"), [("nowhere.jpg", FileNotFoundError), ("blur:0", ValueError)])
def test_an_impossible_background_says_what_is_possible(background: str, error: type[Exception]) -> None:
    with pytest.raises(error, match=r"blur"):
        backdrop(background)


def test_a_broken_video_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.mp4").write_bytes(b"nothing")
    with pytest.raises(MediaError, match=r"broken\.mp4"):
        backdrop(str(tmp_path / "broken.mp4"))
