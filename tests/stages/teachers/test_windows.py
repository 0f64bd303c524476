"""Windows are whole pixels, cuts are exact, gates are where the boxes are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.teachers.windows import (
    PixelWindow,
    clipped,
    cut,
    frame_window,
    gated,
    grown,
    person_window,
    resized,
    widened,
)


def test_a_box_grows_about_its_centre() -> None:
    assert grown((0.2, 0.4, 0.6, 0.8), 1.5) == pytest.approx((0.1, 0.3, 0.7, 0.9))


def test_person_window_rounds_outwards_and_may_leave_the_frame() -> None:
    window = person_window((0.0, 0.5, 0.5, 1.0), 101, 40, padding=1.2)
    assert window == PixelWindow(-6, 18, 56, 42)
    assert clipped(window, 101, 40) == PixelWindow(0, 18, 56, 40)


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.floats(0.2, 5))
def test_widening_holds_the_window_and_has_the_shape(columns: int, rows: int, aspect: float) -> None:
    window = PixelWindow(10, -7, 10 + columns, -7 + rows)
    wide = widened(window, aspect)
    assert wide.left <= window.left and wide.top <= window.top
    assert wide.right >= window.right and wide.bottom >= window.bottom
    width, height = wide.right - wide.left, wide.bottom - wide.top
    assert abs(width - height * aspect) <= max(0.5, aspect * 0.5) + 1e-9
    assert width == columns or height == rows


def test_a_cut_of_its_own_size_is_a_slice() -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    assert np.array_equal(cut(image, PixelWindow(5, 2, 17, 12), (10, 12)), image[2:12, 5:17])
    assert np.array_equal(cut(image, frame_window(30, 20), (20, 30)), image)


def test_outside_the_frame_its_border_is_repeated() -> None:
    image = np.random.default_rng(0).integers(0, 256, (4, 5, 3), np.uint8)
    padded = cut(image, PixelWindow(-2, -1, 6, 6), (7, 8))
    assert np.array_equal(padded[1:5, 2:7], image)
    assert np.array_equal(padded[0, 2:7], image[0]) and np.array_equal(padded[6, 2:7], image[3])
    assert np.array_equal(padded[1:5, 0], image[:, 0]) and np.array_equal(padded[1:5, 7], image[:, 4])


def test_resizing_keeps_a_ramp_a_ramp_on_both_axes() -> None:
    """One axis shrinks, the other grows: both by half-pixel centres, so a linear ramp stays on its line."""
    ramp = np.add.outer(np.arange(40) * 2, np.arange(30) * 4).astype(np.uint8)
    out = resized(np.dstack([ramp] * 3), (20, 60))[..., 0].astype(float)
    rows, columns = (np.arange(20) + 0.5) * 2 - 0.5, (np.arange(60) + 0.5) / 2 - 0.5
    expected = np.add.outer(rows * 2, columns * 4)
    assert np.abs(out - expected)[:, 1:-1].max() <= 1.01


def test_shrinking_averages() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 200
    assert np.all(resized(stripes, (8, 8)) == 100)


def test_a_gate_zeroes_outside_every_grown_box() -> None:
    grey = np.full((10, 10), 200, np.uint8)
    out = gated(grey, (0, 0, 1, 1), [(0.2, 0.2, 0.4, 0.4), (0.7, 0.7, 1.0, 1.0)], margin=1.0)
    expected = np.zeros((10, 10), np.uint8)
    expected[2:4, 2:4] = expected[7:, 7:] = 200
    assert np.array_equal(out, expected)
    assert gated(grey, (0, 0, 1, 1), [(0.4, 0.4, 0.6, 0.6)], margin=2.0).astype(bool).sum() == 16


def test_a_gate_knows_where_its_window_lies() -> None:
    grey = np.full((4, 4), 9, np.uint8)
    out = gated(grey, (0.5, 0.5, 1.0, 1.0), [(0.0, 0.0, 0.75, 0.75)], margin=1.0)
    assert out.astype(bool).tolist() == [[True, True, False, False]] * 2 + [[False] * 4] * 2
