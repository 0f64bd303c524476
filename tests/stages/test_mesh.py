from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.mesh import STEP, exposures, fill, fractions, nodes, pull_mesh, pull_parts, rim, room, window
from stages.warps import affine, identity_field, pull, pull_map, scaling, thin_plate

SHAPES = [(144, 256), (36, 64), (54, 96), (41, 71), (1, 9)]


def _whole(shape: tuple[int, int]) -> tuple[slice, slice]:
    return slice(0, shape[0]), slice(0, shape[1])


def _bent(shape: tuple[int, int], seed: int, sigma: float = 0.02) -> np.ndarray:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:3, 0:4]
    points = np.stack(
        [(x.ravel() + rng.uniform(0.2, 0.8, 12)) / 4, (y.ravel() + rng.uniform(0.2, 0.8, 12)) / 3], axis=1
    )
    offsets = rng.normal(size=(12, 2)) * sigma * shape[0]
    return thin_plate(points, offsets, fractions(shape)).reshape(nodes(shape).shape)


def test_nodes_lie_in_the_middle_of_blocks_with_one_ring_around() -> None:
    at = nodes((16, 24))
    assert at.shape == (4, 5, 2)
    assert at[1, 1].tolist() == [3.5, 3.5]
    assert at[0, 4].tolist() == [27.5, -4.5]
    np.testing.assert_allclose(fractions((16, 24)).reshape(4, 5, 2)[1, 1], (4 / 24, 4 / 16))


@pytest.mark.parametrize("shape", SHAPES)
def test_affine_motions_are_exact_in_between(shape: tuple[int, int]) -> None:
    forward = affine(pivot=(20, 30), rotation=11, zoom=1.2, shear=4, move=(3, -2))
    np.testing.assert_allclose(fill(nodes(shape), _whole(shape)), identity_field(shape), atol=1e-3)
    np.testing.assert_allclose(fill(pull_mesh(shape, forward), _whole(shape)), pull_map(shape, forward), atol=1e-3)


def test_nodes_are_as_good_as_solving_the_spline_for_every_pixel() -> None:
    shape, rng = (144, 256), np.random.default_rng(3)
    points = np.stack(np.meshgrid(np.linspace(0.1, 0.9, 4), np.linspace(0.15, 0.85, 3)), axis=2).reshape(-1, 2)
    points += rng.uniform(-0.05, 0.05, points.shape)
    offsets = rng.normal(size=(12, 2)) * 0.02 * 144
    centres = (identity_field(shape).reshape(-1, 2) + 0.5) / (256, 144)
    fine = thin_plate(points, offsets, centres).reshape(144, 256, 2)
    mesh = thin_plate(points, offsets, fractions(shape)).reshape(nodes(shape).shape)
    difference = np.abs(fill(mesh, _whole(shape)) - fine)
    assert difference.max() < 0.25  # next to a control point, where the spline is least smooth
    assert difference.mean() < 0.03


def test_a_displacement_is_seen_before_the_affine_motion() -> None:
    shape = (16, 24)
    moved = np.full(nodes(shape).shape, (4.0, -2.0), dtype=np.float32)
    np.testing.assert_allclose(pull_mesh(shape, scaling(2.0), moved), (nodes(shape) + np.float32((4.0, -2.0))) / 2)


@given(st.integers(0, 2**32 - 1), st.sampled_from(SHAPES[:4]))
@settings(max_examples=60, deadline=None)
def test_the_extremes_of_a_map_are_at_its_drawn_in_nodes(seed: int, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    forward = affine(pivot=(30, 20), rotation=rng.uniform(-40, 40), zoom=rng.uniform(0.6, 1.5))
    mesh = pull_mesh(shape, forward, _bent(shape, seed, 0.05))
    field, drawn = fill(mesh, _whole(shape)), rim(mesh, shape)
    for axis in (0, 1):
        assert drawn[..., axis].max() >= field[..., axis].max() - 1e-3
        assert drawn[..., axis].min() <= field[..., axis].min() + 1e-3
        between = sum(np.abs(np.diff(field[..., axis], axis=way)).max() for way in (0, 1))  # two pixels
        assert drawn[..., axis].max() <= field[..., axis].max() + between
        assert drawn[..., axis].min() >= field[..., axis].min() - between


def test_drawn_in_nodes_of_no_motion_are_the_outermost_pixels() -> None:
    for shape in ((16, 24), (41, 71)):
        drawn = rim(nodes(shape), shape)
        np.testing.assert_allclose((drawn[0, 0], drawn[-1, -1]), ((0, 0), (shape[1] - 1, shape[0] - 1)), atol=1e-4)


@given(st.integers(0, 2**32 - 1), st.sampled_from(SHAPES[:4]))
@settings(max_examples=60, deadline=None)
def test_what_is_looked_at_in_parts_is_what_is_looked_at_whole(seed: int, shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(seed)
    picture = np.zeros((70, 90, 4), np.uint8)
    x0, y0 = int(rng.integers(0, 80)), int(rng.integers(0, 60))
    box = (x0, y0, int(rng.integers(x0 + 1, 91)), int(rng.integers(y0 + 1, 71)))
    picture[box[1] : box[3], box[0] : box[2]] = rng.integers(1, 256, 4)
    forward = affine(pivot=(45, 35), rotation=rng.uniform(-40, 40), zoom=rng.uniform(0.4, 2.0), move=(9, -9))
    mesh = pull_mesh(shape, forward, _bent(shape, seed, 0.05))
    part = window(mesh, shape, box)
    canvas = np.zeros((*shape, 4), np.uint8)
    canvas[part] = pull_parts((picture,), mesh, part)[0]
    np.testing.assert_array_equal(canvas, pull(picture, np.ascontiguousarray(fill(mesh, _whole(shape)))))


def test_a_box_that_is_not_seen_has_an_empty_window() -> None:
    part = window(nodes((40, 40)), (40, 40), (200, 200, 210, 210))
    assert part == (slice(0, 0), slice(0, 0))
    assert pull_parts((np.ones((9, 9, 3), np.uint8),), nodes((40, 40)), part)[0].shape == (0, 0, 3)


def test_room_is_how_far_a_map_moves_within_a_cell() -> None:
    assert room(nodes((40, 48))) == (STEP, STEP)
    assert room(pull_mesh((40, 48), scaling(2.0))) == (STEP / 2, STEP / 2)


def test_an_exposure_goes_towards_the_next_frame_and_the_last_back() -> None:
    meshes = [nodes((16, 16)) + np.float32(shift) for shift in (0.0, 4.0, 4.0)]
    first, second, last = exposures(meshes, 0.5)
    assert [float(mesh[0, 0, 0] - meshes[0][0, 0, 0]) for mesh in first] == [0.0, 0.5, 1.0, 1.5, 2.0]
    assert len(second) == len(last) == 1  # nothing moves
    assert [len(meshes) for meshes in exposures(meshes, 0.0)] == [1, 1, 1]
    assert [len(one) for one in exposures(meshes[:1], 0.7)] == [1]
