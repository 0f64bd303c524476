from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.warps import (
    affine,
    after,
    corner_map,
    pull,
    pull_affine,
    pull_map,
    resizing,
    thin_plate,
    translation,
)


def _apply(matrix: np.ndarray, x: float, y: float) -> tuple[float, float]:
    moved = matrix @ (x, y, 1.0)
    return pytest.approx((moved[0], moved[1]), abs=1e-9)


def test_affine_turns_clockwise_about_its_pivot_then_moves() -> None:
    turn = affine(pivot=(10, 20), rotation=90)
    assert _apply(turn, 10, 20) == (10, 20)
    assert _apply(turn, 11, 20) == (10, 21)  # what was right of the pivot is below it: y points down
    assert _apply(affine(pivot=(10, 20), rotation=90, move=(3, -4)), 11, 20) == (13, 17)


def test_affine_zoom_and_shear() -> None:
    assert _apply(affine(pivot=(2, 2), zoom=3), 3, 4) == (5, 8)
    assert _apply(affine(pivot=(0, 0), shear=45), 1, 2) == (3, 2)


def test_resizing_agrees_with_opencv_about_where_pixels_go() -> None:
    ramp = np.tile(np.arange(40, dtype=np.float32), (30, 1))
    small = cv2.resize(ramp, (20, 10), interpolation=cv2.INTER_AREA)
    x, _, _ = resizing((30, 40), (10, 20)) @ (ramp[0, 21], 0, 1)
    assert np.interp(x, np.arange(20), small[0]) == pytest.approx(21)


def test_thin_plate_passes_through_its_control_points() -> None:
    rows, columns = 9, 16
    cells = [(1, 2), (7, 3), (4, 8), (0, 15), (8, 14), (3, 5)]
    points = np.array([((x + 0.5) / columns, (y + 0.5) / rows) for y, x in cells])
    offsets = np.random.default_rng(0).normal(size=(len(cells), 3))
    spline = thin_plate(points, offsets, points)
    assert spline.shape == (len(cells), 3)
    np.testing.assert_allclose(spline, offsets, atol=1e-5)


def test_thin_plate_bends_as_r_squared_log_r() -> None:
    """One raised point in the middle of a square of four: by symmetry two unknowns, solved by hand."""
    points = np.array([(0.25, 0.25), (0.75, 0.25), (0.25, 0.75), (0.75, 0.75), (0.5, 0.5)])
    spline = thin_plate(points, np.array([[0.0], [0.0], [0.0], [0.0], [1.0]]), np.array([(0.5, 0.25)]))
    assert spline[0, 0] == pytest.approx(0.36586, abs=1e-4)


@given(st.lists(st.floats(-2, 2), min_size=6, max_size=6))
@settings(max_examples=20, deadline=None)
def test_thin_plate_of_an_affine_field_is_that_field(values: list[float]) -> None:
    linear, shift = np.reshape(values[:4], (2, 2)), np.array(values[4:])
    points = np.array([(0.1, 0.1), (0.9, 0.2), (0.4, 0.8), (0.6, 0.5), (0.2, 0.6)])
    y, x = np.mgrid[0:5, 0:7]
    cells = np.stack([(x.ravel() + 0.5) / 7, (y.ravel() + 0.5) / 5], axis=1)
    np.testing.assert_allclose(thin_plate(points, points @ linear + shift, cells), cells @ linear + shift, atol=1e-4)


@pytest.mark.parametrize(
    "points", [[(0, 0), (1, 1)], [(0, 0), (0.5, 0.5), (1, 1)], [(0, 0), (1, 0), (0, 1), (0, 1)]], ids=str
)
def test_thin_plate_refuses_points_that_do_not_determine_it(points: list[tuple[float, float]]) -> None:
    with pytest.raises(ValueError, match="three or more distinct points"):
        thin_plate(np.array(points, dtype=float), np.zeros((len(points), 2)), np.zeros((1, 2)))


def test_pulling_through_a_whole_pixel_shift_copies_pixels_and_pads_with_zero() -> None:
    layer = np.random.default_rng(1).integers(1, 255, (6, 8, 4), dtype=np.uint8)
    moved = pull(layer, pull_map((6, 8), translation(2, 1)))
    np.testing.assert_array_equal(moved[1:, 2:], layer[:-1, :-2])
    assert not moved[0].any()
    assert not moved[:, :2].any()


def test_pulling_through_an_affine_motion_needs_no_map() -> None:
    picture = cv2.GaussianBlur(np.random.default_rng(2).integers(0, 255, (40, 60, 3), dtype=np.uint8), (0, 0), 3)
    forward = affine(pivot=(30, 20), rotation=8, zoom=1.1, move=(2, -1))
    at_once = pull_affine(picture, np.linalg.inv(forward), (30, 50))
    by_map = pull(picture, pull_map((30, 50), forward))
    assert np.abs(at_once.astype(int) - by_map).max() <= 3  # both round positions to 1/32 pixel, in their own ways


def test_the_corners_of_an_affine_map_are_its_corners() -> None:
    forward = affine(pivot=(30, 20), rotation=8, zoom=1.1, move=(2, -1))
    np.testing.assert_allclose(
        corner_map((30, 50), forward), pull_map((30, 50), forward)[np.ix_([0, 29], [0, 49])], atol=1e-4
    )


def test_motions_composed_in_one_map_equal_motions_one_after_the_other() -> None:
    first, second = affine(pivot=(3, 4), rotation=12, zoom=1.2), affine(pivot=(9, 1), shear=5, move=(2, 1))
    once = pull_map((10, 12), second @ first)
    twice = after(pull_map((10, 12), second), np.linalg.inv(first))
    np.testing.assert_allclose(once, twice, atol=1e-4)
