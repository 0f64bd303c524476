"""The planes that the combiner sees."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.combiner_planes import (
    STRIDE,
    Scene,
    box_coordinates,
    box_map,
    colour_likeness,
    grid_size,
    plane_count,
    planes,
    resampled,
)
from stages.reliability import Shot

HEIGHT, WIDTH = 32, 48
SLOTS = ("pose", "selfie")


def scene(teachers: tuple[str, ...] = SLOTS) -> Scene:
    """Random votes on a picture that is red where the first teacher is sure, blue elsewhere."""
    rng = np.random.default_rng(1)
    votes = rng.random((len(teachers), HEIGHT, WIDTH), np.float32)
    image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    image[..., 2] = 200
    image[8:24, 10:30] = (200, 0, 0)
    weights = np.linspace(1, 2, len(teachers)).astype(np.float32)
    return Scene(image, teachers, votes, weights / weights.sum(), [(0.2, 0.25, 0.6, 0.75)], [0.8], Shot(0.5, 0.3, 0.2))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 4000), st.integers(1, 4000))
def test_grids_are_multiples_of_the_stride_and_keep_the_shape(width: int, height: int) -> None:
    columns, rows = grid_size(width, height, 192)
    assert columns % STRIDE == rows % STRIDE == 0
    assert max(columns, rows) == 192 and min(columns, rows) >= STRIDE
    assert abs(min(columns, rows) - 192 * min(width, height) / max(width, height)) <= STRIDE


def test_planes_by_hand() -> None:
    one = scene()
    found = planes(one, SLOTS)
    assert found.shape == (plane_count(2), HEIGHT, WIDTH) and found.dtype == np.float32
    base = one.votes[0] / 3 + 2 * one.votes[1] / 3
    np.testing.assert_allclose(found[:2], one.votes - base, atol=1e-6)
    np.testing.assert_allclose(found[2:4, 5, 7], [1 / 3, 2 / 3], atol=1e-6)
    np.testing.assert_allclose(found[4], base, atol=1e-6)
    np.testing.assert_allclose(found[6], one.votes.min(axis=0))
    np.testing.assert_allclose(found[7], one.votes.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(found[8], one.votes.max(axis=0))
    np.testing.assert_allclose(found[-3:, 0, 0], [0.5, 0.3, 0.2], atol=1e-6)
    assert np.abs(found).max() <= 1.01


def test_the_order_of_teachers_does_not_matter() -> None:
    one = scene(("pose", "selfie", "stranger"))
    order = [2, 0, 1]
    other = replace(
        one, teachers=[one.teachers[index] for index in order], votes=one.votes[order], weights=one.weights[order]
    )
    np.testing.assert_allclose(planes(other, SLOTS), planes(one, SLOTS), atol=1e-6)


def test_a_silent_teacher_and_a_stranger_leave_the_slots_empty() -> None:
    found = planes(scene(("stranger", "selfie")), SLOTS)
    assert np.all(found[0] == 0) and np.all(found[2] == 0)
    assert np.any(found[1] != 0) and np.any(found[3] != 0)


def test_mirrored_scenes_have_mirrored_planes() -> None:
    one = scene()
    mirrored = replace(
        one,
        image=np.ascontiguousarray(one.image[:, ::-1]),
        votes=one.votes[:, :, ::-1],
        boxes=[(1 - x1, y0, 1 - x0, y1) for x0, y0, x1, y1 in one.boxes],
    )
    expected = planes(one, SLOTS)[:, :, ::-1].copy()
    expected[4 + 8] *= -1  # position across the box
    np.testing.assert_allclose(planes(mirrored, SLOTS), expected, atol=1e-5)


def test_a_colour_is_like_the_foreground_where_the_votes_are_sure_of_it() -> None:
    colours = np.zeros((4, 4, 3), np.uint8)
    colours[:2] = (200, 30, 30)
    colours[3] = (20, 120, 220)
    probability = np.zeros((4, 4), np.float32)
    probability[0] = 1  # of the first colour's two rows one is disputed, and counts as background
    likeness = colour_likeness(colours, probability)
    assert likeness[0, 0] == likeness[1, 0] > 0.4
    assert likeness[3, 0] < -0.9 and likeness[2, 0] < -0.9


def test_without_any_foreground_no_colour_speaks_for_it() -> None:
    assert colour_likeness(np.full((4, 4, 3), 90, np.uint8), np.zeros((4, 4), np.float32)).max() <= 0


def test_boxes_overlap_by_confidence() -> None:
    found = box_map([(0, 0, 0.5, 1), (0.25, 0, 1, 0.5)], [0.9, 0.4], 4, 2)
    np.testing.assert_allclose(found, [[0.9, 0.9, 0.4, 0.4], [0.9, 0.9, 0, 0]], atol=1e-6)


def test_coordinates_run_from_side_to_side_of_the_main_persons_box() -> None:
    across, down = box_coordinates([(0.25, 0, 0.75, 1)], [0.9], 8, 4)
    np.testing.assert_allclose(across[0, 2:6], [-0.375, -0.125, 0.125, 0.375], atol=1e-6)
    np.testing.assert_allclose(down[:, 0], [-0.375, -0.125, 0.125, 0.375], atol=1e-6)
    whole, _ = box_coordinates([], [], 4, 4)
    np.testing.assert_allclose(whole[0], [-0.375, -0.125, 0.125, 0.375], atol=1e-6)


@pytest.mark.parametrize("side", [4, 8, 16])
def test_resampling_keeps_the_mean_and_does_not_shift(side: int) -> None:
    ramp = np.tile(np.linspace(0, 1, 8, dtype=np.float32), (1, 8, 1))
    found = resampled(ramp, side, side)
    assert found.shape == (1, side, side)
    np.testing.assert_allclose(found.mean(), 0.5, atol=1e-6)
    np.testing.assert_allclose(found + found[:, :, ::-1], 1, atol=1e-6)
