from __future__ import annotations

import math
from collections import Counter

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.border_contact import (
    ALL_SIDES,
    SIDES,
    Contact,
    contacts,
    correction,
    hold,
    keeps_person,
    side_pixels,
    union,
)
from stages.framing import Framing, bounds, place_person
from stages.mesh import fill, fractions, nodes, pull_mesh, rim, room
from stages.trajectories import Pose
from stages.warps import affine, after, pull, pull_map, thin_plate, translation

CANVAS = (54, 96)


def _mask(height: int, width: int, *boxes: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((height, width), np.uint8)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = 255
    return mask


def test_a_side_counts_from_two_percent_of_its_length() -> None:
    assert contacts(_mask(50, 100, (40, 20, 41, 50))) == ()
    assert contacts(_mask(50, 100, (40, 20, 42, 50))) == (Contact("bottom", 39, 42),)


def test_a_contact_in_the_corner_has_no_end_there() -> None:
    assert contacts(_mask(50, 100, (0, 30, 20, 50))) == (
        Contact("left", 29, math.inf),
        Contact("bottom", -math.inf, 20),
    )


def test_union_spans_the_contacts_of_all_frames() -> None:
    frames = [(Contact("bottom", 10, 20),), (Contact("bottom", 15, math.inf), Contact("left", 3, 4))]
    assert union(frames) == (Contact("left", 3, 4), Contact("bottom", 10, math.inf))


def test_a_contact_is_resized_with_its_layer() -> None:
    assert Contact("top", 9.5, math.inf).resized(0.5) == Contact("top", 4.5, math.inf)


def test_a_lifted_person_is_put_back_on_the_bottom() -> None:
    held = [Contact("bottom", 3, 8)]
    lifted = pull_map((20, 30), translation(0, -4))
    np.testing.assert_allclose(hold(lifted, held, (20, 30)), pull_map((20, 30), translation(0, 0)), atol=1e-4)


def test_motion_across_and_beyond_the_held_side_is_left_alone() -> None:
    field = pull_map((20, 30), translation(5, 3))
    assert hold(field, [Contact("bottom", 3, 8)], (20, 30)) is field


def test_padding_beside_the_contact_is_nobodys_business() -> None:
    field = pull_map((20, 30), affine(pivot=(5, 19), rotation=0, zoom=1.0, move=(0, 0)))
    wide = np.concatenate([field, field + np.float32((30, 8))], axis=1)  # its right half sees padding below the layer
    assert hold(wide, [Contact("bottom", 3, 8)], (20, 30)) is wide


def test_a_layer_held_on_both_sides_is_enlarged_about_the_middle_of_its_contact() -> None:
    shape = (20, 31)
    shrunk = pull_map(shape, affine(pivot=(15, 10), zoom=0.5))
    held = hold(shrunk, [Contact("left", 4, 8), Contact("right", 4, 8)], shape)
    assert held is not None
    np.testing.assert_allclose((held[..., 0].min(), held[..., 0].max()), (0, 30), atol=0.02)
    np.testing.assert_allclose(np.diff(held[:, 0, 1]), 1.0, atol=1e-3)  # alike in both directions
    row_of_middle = int(np.abs(shrunk[:, 0, 1] - 6).argmin())
    assert held[row_of_middle, 0, 1] == pytest.approx(6, abs=0.5)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_a_background_held_on_all_sides_never_shows_padding(seed: int) -> None:
    rng = np.random.default_rng(seed)
    layer = int(rng.integers(54, 120)), int(rng.integers(96, 200))
    pose = Pose(*rng.uniform(-0.4, 0.4, 2), rng.uniform(-40, 40), rng.uniform(0.5, 1.5), rng.uniform(-15, 15))
    field = hold(pull_map(CANVAS, pose.matrix((48, 27), 54)), ALL_SIDES, layer)
    assert field is not None
    assert pull(np.full(layer, 255, np.uint8), field).min() >= 245


def _person(rng: np.random.Generator) -> np.ndarray:
    """A random blob of ellipses and bars, often cut off by one or several sides."""
    height, width = int(rng.integers(40, 90)), int(rng.integers(40, 90))
    mask = np.zeros((height, width), np.uint8)
    centre = int(rng.integers(width // 4, 3 * width // 4)), int(rng.integers(height // 4, 3 * height // 4))
    cv2.ellipse(mask, centre, (width // 5, height // 4), float(rng.uniform(0, 180)), 0, 360, 255, -1)
    ends = {
        "left": (0, int(rng.integers(height))),
        "right": (width - 1, int(rng.integers(height))),
        "top": (int(rng.integers(width)), 0),
        "bottom": (int(rng.integers(width)), height - 1),
    }
    for side in SIDES:
        if rng.random() < (0.8 if side == "bottom" else 0.25):
            cv2.line(mask, centre, ends[side], 255, int(rng.integers(6, 20)))
    return mask


def _grown(mask: np.ndarray, touched: set[str], by: int) -> np.ndarray:
    """The same person if the camera had seen more: going on straight behind every side that cuts them off."""
    grown = np.pad(mask, by, mode="edge")
    for side, strip in {
        "left": np.s_[:, :by],
        "right": np.s_[:, -by:],
        "top": np.s_[:by],
        "bottom": np.s_[-by:],
    }.items():
        if side not in touched:
            grown[strip] = 0
    return grown


def test_no_motion_ever_shows_where_a_person_was_cut_off() -> None:
    """On 1,200 random masks and motions; how many of them were refused is bounded, so that it proves something."""
    outcomes = Counter(_moved(seed) for seed in range(1200))
    assert outcomes["kept"] >= 700
    assert outcomes["rejected"] >= 20


def _moved(seed: int) -> str:
    """Move a random person in a random way, and check what is promised of it."""
    rng = np.random.default_rng(seed)
    mask = _person(rng)
    held = contacts(mask)
    touched = {contact.side for contact in held}
    framing = Framing(rng.uniform(0.5, 1.0), rng.uniform(1.0, 1.6), rng.uniform(0.2, 0.8))
    place = place_person(bounds(mask >= 128), touched, mask.shape, CANVAS, framing)
    pose = Pose(*rng.uniform(-0.3, 0.3, 2), rng.uniform(-25, 25), rng.uniform(0.7, 1.4), rng.uniform(-10, 10))
    points = np.stack(np.meshgrid((0.15, 0.5, 0.85), (0.2, 0.8)), axis=2).reshape(-1, 2)
    bend = thin_plate(points, rng.normal(size=(6, 2)) * 2.0, fractions(CANVAS)).reshape(nodes(CANVAS).shape)
    mesh = pull_mesh(CANVAS, pose.matrix((48, 53), 54) @ place.matrix, bend)
    matrix = correction(rim(mesh, CANVAS), held, mask.shape, room=max(room(mesh)))
    if matrix is None:
        return "impossible"
    field = fill(after(mesh, matrix), (slice(0, CANVAS[0]), slice(0, CANVAS[1])))
    now = pull(mask, field)

    by = 120
    whole = pull(_grown(mask, touched, by), field + np.float32(by))
    small_contacts = now.astype(int) - whole  # sides below two percent are not held, nor grown
    assert np.abs(small_contacts).max() <= 12

    inside = pull(np.full(mask.shape, 255, np.uint8), field)
    assert (now <= inside).all()  # no foreground is made from padding

    still = hold(pull_map(CANVAS, place.matrix), held, mask.shape)
    assert still is not None
    before = pull(mask, still)
    area = np.count_nonzero(now >= 128) / max(np.count_nonzero(before >= 128), 1)
    shares = [side_pixels(now, side).mean() / max(side_pixels(before, side).mean(), 1e-9) for side in touched]
    lost = [share for side, share in zip(touched, shares, strict=True) if side_pixels(before, side).any()]
    right = 0.5 <= area <= 1.6 and all(share >= 0.5 for share in lost)
    assert keeps_person(before, now, held) == right
    if right:
        assert all(side_pixels(now, side).any() for side in touched if side_pixels(before, side).any())
    return "kept" if right else "rejected"


def test_half_the_contact_and_the_area_must_be_left() -> None:
    held = [Contact("bottom", 10, 30)]
    before = _mask(40, 60, (10, 10, 30, 40))
    assert keeps_person(before, before, held)
    assert keeps_person(before, _mask(40, 60, (20, 5, 30, 40), (10, 5, 20, 30)), held)
    assert not keeps_person(before, _mask(40, 60, (21, 5, 30, 40), (10, 5, 21, 30)), held)  # 9 of 20 pixels of contact
    assert not keeps_person(before, _mask(40, 60, (10, 26, 30, 40)), held)  # 14 of 30 rows
    assert not keeps_person(before, _mask(40, 60, (5, 5, 35, 40)), held)  # 1.75 times the area
