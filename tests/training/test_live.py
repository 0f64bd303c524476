"""The live student: when it looks, when it keeps its alpha, what a cut does."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from torch import Tensor, nn, zeros

from training.export import write_onnx
from training.live import Live, LiveConfig, band_change, edge_band
from training.runtime import Student

SIZE = (32, 64)


class Bright(nn.Module):
    """A stand-in student: who is bright is a person. It does not look at the prior."""

    def forward(self, frame: Tensor) -> Tensor:
        return (frame[:, :1] > 0.5).float() + 0 * frame[:, 3:]


class Halfway(nn.Module):
    """A stand-in student that goes half the way from the prior to what it sees: a look halves what is left."""

    def forward(self, frame: Tensor) -> Tensor:
        return 0.5 * (frame[:, :1] > 0.5).float() + 0.5 * frame[:, 3:]


class Remembering(nn.Module):
    """A recurrent stand-in: alpha is half of what it sees and half of what it saw before."""

    def forward(self, frame: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        seen = (frame[:, :1] > 0.5).float() + 0 * frame[:, 3:]
        return 0.5 * seen + 0.5 * state, seen


@pytest.fixture(scope="module")
def bright(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "bright.onnx"
    write_onnx(Bright(), path, SIZE, opset=17)
    return path


@pytest.fixture(scope="module")
def halfway(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("onnx") / "halfway.onnx"
    write_onnx(Halfway(), path, SIZE, opset=17)
    return path


def frame(left: int = 20, tone: int = 40) -> np.ndarray:
    """A bright person 16 px wide on a grey ground."""
    image = np.full((*SIZE, 3), tone, np.uint8)
    image[8:, left : left + 16] = 220
    return image


def looks(live: Live, images: list[np.ndarray]) -> list[int]:
    """Numbers of the frames that the student looked at."""
    found = []
    for number, image in enumerate(images):
        before = live.inferred
        live(image)
        found += [number] * (live.inferred - before)
    return found


def test_the_band_by_hand() -> None:
    alpha = np.zeros((9, 9), np.float32)
    alpha[:, :4] = 1
    alpha[0, 0] = 0.5  # still the person; the sides of the picture are no edge
    expected = np.zeros((9, 9), np.bool_)
    expected[:, 2:6] = True
    np.testing.assert_array_equal(edge_band(alpha, 2), expected)
    assert not edge_band(np.zeros((9, 9), np.float32), 2).any()
    assert not edge_band(np.ones((9, 9), np.float32), 2).any()


def test_the_change_on_the_band_by_hand() -> None:
    seen = np.full((20, 20, 3), 100, np.uint8)
    band = np.zeros((20, 20), np.bool_)
    band[10] = True
    now = seen.copy()
    now[2, 2] = 255
    assert band_change(now, seen, band) == 0  # its patches lie at rows 0 to 4
    now[10, 10] = 150
    assert band_change(now, seen, band) == pytest.approx(50 / 25)
    now[10, 11] = 150
    assert band_change(now, seen, band) == pytest.approx(100 / 25)
    assert band_change(now, seen, band & False) == 0


def test_a_still_picture_is_looked_at_until_settled_and_then_every_fifteenth_frame(bright: Path) -> None:
    live = Live(bright)
    # Frame 0 has an empty prior; frame 1 confirms it; then every 15th: 1 + 15, 16 + 15, ...
    assert looks(live, [frame()] * 50) == [0, 1, 16, 31, 46]
    assert (live.frames, live.inferred, live.cuts) == (50, 5, 1)


@pytest.mark.parametrize("refresh", [1, 2, 7])
def test_the_refresh_is_exact(bright: Path, refresh: int) -> None:
    expected = [0, *range(1, 30, refresh)]
    assert looks(Live(bright, LiveConfig(refresh=refresh)), [frame()] * 30) == expected


def test_without_skipping_every_frame_is_looked_at_and_nothing_differs_from_the_plain_student(halfway: Path) -> None:
    live, plain = Live(halfway, LiveConfig(skip=False)), Student(halfway)
    images = [frame(20 + step) for step in range(6)]
    for image in images:
        np.testing.assert_array_equal(live(image), plain(image))
    assert live.inferred == 6


def test_a_moved_edge_is_looked_at_at_once_and_what_moves_elsewhere_is_not(bright: Path) -> None:
    still = [frame()] * 5
    assert looks(Live(bright), [*still, frame(21)]) == [0, 1, 5]
    elsewhere = frame()
    elsewhere[2:6, 50:60] = 90
    assert looks(Live(bright), [*still, elsewhere]) == [0, 1]


def test_slow_drift_adds_up_since_it_is_compared_with_the_last_frame_looked_at(bright: Path) -> None:
    # Each step changes the ground by one level: below the threshold of 3 from frame to frame.
    drift = [frame(tone=40 + step) for step in range(9)]
    assert looks(Live(bright), drift) == [0, 1, 4, 7]


def test_nobody_there_is_never_skipped(bright: Path) -> None:
    empty = np.full((*SIZE, 3), 40, np.uint8)
    assert looks(Live(bright), [empty] * 4) == [0, 1, 2, 3]


def test_a_cut_empties_the_prior(halfway: Path) -> None:
    live = Live(halfway, LiveConfig(skip=False))
    first, other = frame(), 255 - frame(40)
    for _ in range(4):
        live(first)
    alpha = live(other)
    assert live.cuts == 2
    fresh = Student(halfway)
    np.testing.assert_array_equal(alpha, fresh(other))
    assert alpha.max() == 128  # half way from nothing; the prior of the last shot would have left 0.94 / 2 more


def test_a_cut_empties_what_a_recurrent_student_remembers(tmp_path: Path) -> None:
    path = tmp_path / "remembering.onnx"
    write_onnx(Remembering(), path, SIZE, opset=17, states=[zeros(1, 1, *SIZE)])
    live = Live(path, LiveConfig(skip=False))
    assert [int(live(frame()).max()) for _ in range(3)] == [128, 255, 255]
    assert int(live(255 - frame(40)).max()) == 128 and live.cuts == 2


def test_another_size_is_another_stream(halfway: Path) -> None:
    live = Live(halfway, LiveConfig(skip=False, upsample="linear"))
    live(frame())
    alpha = live(cv2.resize(frame(), (128, 64)))
    assert alpha.shape == (64, 128) and alpha.max() == 128 and live.cuts == 2


def test_a_reset_forgets(halfway: Path) -> None:
    live = Live(halfway)
    first = live(frame())
    live(frame())
    live.reset()
    np.testing.assert_array_equal(live(frame()), first)


def test_on_a_still_clip_skipping_changes_alpha_by_no_more_than_settled_by_hand(halfway: Path) -> None:
    """Looks halve what is left: once one changes alpha by s or less, s or less is left: 0.1 of 255, and rounding."""
    skipping, plain = Live(halfway), Student(halfway)
    worst = max(int(np.abs(skipping(frame()).astype(int) - plain(frame())).max()) for _ in range(60))
    assert skipping.inferred < 15
    assert worst <= np.ceil(0.1 * 255)


def test_guided_upsampling_follows_the_picture(bright: Path) -> None:
    image = np.full((128, 256, 3), 40, np.uint8)
    image[32:, 82:145] = 220  # no multiple of 4: the edge lies inside the student's pixels
    truth = image[..., 0] > 128
    errors = {}
    for upsample in ("linear", "guided"):
        alpha = Live(bright, LiveConfig(upsample=upsample))(image)
        assert alpha.shape == truth.shape and alpha.dtype == np.uint8
        errors[upsample] = np.abs(alpha / 255 - truth).mean()
    assert errors["guided"] < 0.5 * errors["linear"]


def test_linear_upsampling_is_what_the_plain_student_does(halfway: Path) -> None:
    live, plain = Live(halfway, LiveConfig(skip=False, upsample="linear")), Student(halfway)
    for step in range(3):
        image = cv2.resize(frame(20 + step), (160, 120))
        np.testing.assert_array_equal(live(image), plain(image))


def test_guided_upsampling_of_a_letterboxed_frame_lies_in_place(bright: Path) -> None:
    image = np.full((200, 100, 3), 40, np.uint8)  # portrait: black bars left and right in the student's picture
    image[100:, 30:70] = 220
    alpha = Live(bright, LiveConfig(upsample="guided"))(image)
    assert alpha.shape == (200, 100)
    assert alpha[150, 50] == 255 and alpha[50, 50] == 0 and alpha[150, 5] == 0


def test_an_alpha_that_is_kept_cannot_be_spoilt(bright: Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        Live(bright)(frame())[0, 0] = 1
