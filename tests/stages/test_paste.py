"""Maps land where their windows say, without shift."""

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from datasets.images import encode_png
from datasets.schema import VoteRow
from stages.paste import covered, paste, paste_maps


def _vote(windows: list[list[float]], maps: list[np.ndarray]) -> VoteRow:
    return VoteRow(
        source="s", clip=0, burst=0, time_us=0, teacher="t", windows=windows, maps=[encode_png(m) for m in maps]
    )


def _disk(width: int, height: int, window: tuple[float, float, float, float] = (0, 0, 1, 1)) -> np.ndarray:
    """A soft disk centred in the unit square, seen through a window of it."""
    x0, y0, x1, y1 = window
    x = x0 + (np.arange(width) + 0.5) / width * (x1 - x0)
    y = y0 + (np.arange(height) + 0.5) / height * (y1 - y0)
    distance = np.hypot(x[None] - 0.5, y[:, None] - 0.5)
    return np.uint8(255 * np.clip((0.3 - distance) / 0.04 + 0.5, 0, 1))


def _iou(a: np.ndarray, b: np.ndarray) -> float:
    a, b = a > 127, b > 127
    return np.logical_and(a, b).sum() / np.logical_or(a, b).sum()


def test_without_windows_the_teacher_abstains() -> None:
    assert paste(_vote([], []), 8, 6) is None
    assert not covered(_vote([], []), 8, 6).any()


def test_a_map_of_the_frames_size_comes_back_bit_for_bit() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (9, 13), np.uint8)
    assert np.array_equal(paste(_vote([[0, 0, 1, 1]], [grey]), 13, 9), grey)


def test_enlarging_a_whole_frame_is_opencvs_half_pixel_bilinear() -> None:
    grey = np.random.default_rng(1).integers(0, 256, (7, 5), np.uint8)
    expected = cv2.resize(grey.astype(np.float32), (40, 21), interpolation=cv2.INTER_LINEAR)
    assert np.abs(paste(_vote([[0, 0, 1, 1]], [grey]), 40, 21) - expected).max() <= 0.51


def test_hand_worked_window() -> None:
    """A 2x1 map over the right half of an 8x1 frame: centres at 1/4 and 3/4 of the window, linear between."""
    grey = np.array([[0, 200]], np.uint8)
    pasted = paste(_vote([[0.5, 0, 1, 1]], [grey]), 8, 1)
    assert pasted.tolist() == [[0, 0, 0, 0, 0, 50, 150, 200]]


def test_overlapping_windows_keep_the_larger_probability() -> None:
    a, b = np.full((2, 2), 90, np.uint8), np.full((3, 3), 200, np.uint8)
    pasted = paste(_vote([[0, 0, 0.75, 1], [0.5, 0, 1, 1]], [a, b]), 8, 2)
    assert pasted[0].tolist() == [90, 90, 90, 90, 200, 200, 200, 200]


def test_a_window_may_reach_outside_the_frame() -> None:
    window = (-0.3, -0.2, 1.4, 1.1)
    pasted = paste_maps([(window, _disk(300, 260, window))], 160, 120)
    assert _iou(pasted, _disk(160, 120)) > 0.995


def test_a_window_wholly_outside_pastes_nothing() -> None:
    assert not paste_maps([((1.2, 0, 1.6, 1), np.full((4, 4), 255, np.uint8))], 10, 10).any()


def test_reducing_averages_instead_of_aliasing() -> None:
    stripes = np.tile(np.array([0, 255], np.uint8), (64, 32))
    pasted = paste(_vote([[0, 0, 1, 1]], [stripes]), 16, 16)
    assert np.all(np.abs(pasted.astype(int) - 128) <= 1)


@settings(max_examples=25, deadline=None)
@given(
    st.tuples(st.floats(-0.2, 0.15), st.floats(-0.2, 0.15), st.floats(0.85, 1.2), st.floats(0.85, 1.2)),
    st.integers(90, 400),
    st.integers(90, 400),
)
def test_a_shape_seen_through_any_window_lands_on_the_same_pixels(
    window: tuple[float, float, float, float], width: int, height: int
) -> None:
    pasted = paste_maps([(window, _disk(256, 192, window))], width, height)
    assert _iou(pasted, _disk(width, height)) > 0.98


def test_covered_is_the_union_of_the_windows() -> None:
    vote = _vote([[0, 0, 0.5, 0.5], [0.5, 0.5, 1.5, 1]], [np.zeros((2, 2), np.uint8)] * 2)
    assert covered(vote, 4, 2).astype(int).tolist() == [[1, 1, 0, 0], [0, 0, 1, 1]]
