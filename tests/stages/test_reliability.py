"""Who is trusted on which shot."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.fitted_expertise import FITTED, read_expertise
from stages.reliability import Expertise, Shot, edge_fit, edge_strength, reliabilities, shot_of

SQUARE = np.zeros((60, 80), np.float32)
SQUARE[15:45, 20:60] = 1
SHIFTED = np.roll(SQUARE, 12, axis=1)
PICTURE = np.where(SQUARE[..., None] > 0, np.uint8(200), np.uint8(40)).repeat(3, axis=2)


@pytest.mark.parametrize(
    ("box", "shot"),
    [
        ((0.1, 0.1, 0.9, 1.0), Shot(1, 0, 0)),
        ((0.3, 0.05, 0.7, 0.88), Shot(0, 1, 0)),  # 33 % of the frame
        ((0.4, 0.3, 0.55, 0.85), Shot(0, 0, 1)),  # 8 %
        ((0.25, 0.2, 0.625, 0.8), Shot(0, 0.5, 0.5)),  # 22.5 %, between
    ],
)
def test_kinds_of_shot(box: tuple[float, ...], shot: Shot) -> None:
    found = shot_of([box], [0.8])
    assert (found.portrait, found.figure, found.distant) == pytest.approx((shot.portrait, shot.figure, shot.distant))


def test_the_main_person_is_the_largest_confident_box() -> None:
    passer_by, main, ghost = (0.9, 0.3, 0.95, 0.5), (0.3, 0.05, 0.7, 0.9), (0.0, 0.0, 1.0, 1.0)
    assert shot_of([passer_by, main, ghost], [0.5, 0.4, 0.1]).figure == pytest.approx(1)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_memberships_sum_to_one(corners: list[float]) -> None:
    x, y = sorted(corners[:2]), sorted(corners[2:])
    shot = shot_of([(x[0], y[0], x[1], y[1])], [0.5])
    assert shot.portrait + shot.figure + shot.distant == pytest.approx(1)
    assert min(shot.portrait, shot.figure, shot.distant) >= 0


def test_nobody_found_means_every_kind_alike() -> None:
    assert shot_of([], []) == Shot(1 / 3, 1 / 3, 1 / 3)


def test_a_contour_on_the_pictures_edges_fits_better() -> None:
    edges = edge_strength(PICTURE)
    assert edge_fit(SQUARE, edges) > 0.9
    assert edge_fit(SHIFTED, edges) < 0.7
    assert edge_fit(np.zeros_like(SQUARE), edges) == 0


def test_edge_strength_does_not_depend_on_contrast() -> None:
    faint = (PICTURE.astype(np.float32) / 2 + 60).astype(np.uint8)
    np.testing.assert_allclose(edge_strength(faint), edge_strength(PICTURE), atol=0.05)
    assert edge_strength(np.full_like(PICTURE, 90)).max() == 0


def test_weights_are_expertise_times_edge_fit_by_hand() -> None:
    edges = np.ones((60, 80), np.float32)  # every contour fits alike
    expertise = {"a": Expertise(portrait=1, figure=0.2, distant=0), "b": Expertise(portrait=0.5, figure=0.2, distant=0)}
    votes = np.stack([SQUARE, SHIFTED])
    weights = reliabilities(votes, ["a", "b"], edges, Shot(0.5, 0.5, 0), expertise, edge_gain=4)
    assert weights == pytest.approx([0.6 / 0.95, 0.35 / 0.95])


def test_edge_fit_decides_between_equals_and_can_be_left_out() -> None:
    votes, edges = np.stack([SQUARE, SHIFTED]), edge_strength(PICTURE)
    shot = Shot(0, 1, 0)
    with_edges = reliabilities(votes, ["x", "y"], edges, shot, {}, edge_gain=4)
    fits = np.exp([4 * edge_fit(vote, edges) for vote in votes])
    assert with_edges == pytest.approx(fits / fits.sum())
    assert reliabilities(votes, ["x", "y"], edges, shot, {}, edge_gain=0) == pytest.approx([0.5, 0.5])


def test_when_no_teacher_knows_the_shot_all_count_alike() -> None:
    ignorant = {"a": Expertise(portrait=0, figure=0, distant=0)}
    votes = np.stack([SQUARE, SQUARE])
    weights = reliabilities(votes, ["a", "a"], edge_strength(PICTURE), Shot(1, 0, 0), ignorant, edge_gain=4)
    assert weights == pytest.approx([0.5, 0.5])


def test_the_best_teacher_of_each_kind_of_shot_counts_one() -> None:
    shipped = read_expertise(FITTED / "expertise.json").expertise
    for kind in ("portrait", "figure", "distant"):
        assert max(getattr(skill, kind) for skill in shipped.values()) == 1
