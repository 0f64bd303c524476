"""Who is trusted on which shot."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.fitted_reliability import FITTED, read_reliability
from stages.reliability import BY_DESIGN, SLOPES, Expertise, Shot, shot_of, weigh, weigh_by_design
from stages.teacher_signals import SIGNALS


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


def signals(**values: list[float]) -> np.ndarray:
    """`(2, S)`, 0 but for those named."""
    found = np.zeros((2, len(SIGNALS)), np.float32)
    for name, column in values.items():
        found[:, SIGNALS.index(name)] = column
    return found


def test_weights_are_expertise_times_signals_by_hand() -> None:
    expertise = {"a": Expertise(portrait=1, figure=0.2, distant=0), "b": Expertise(portrait=0.5, figure=0.2, distant=0)}
    shot = Shot(0.5, 0.5, 0)
    alike = signals(edge_fit=[0.3, 0.3])
    assert weigh(alike, ["a", "b"], shot, expertise, SLOPES) == pytest.approx([0.6 / 0.95, 0.35 / 0.95])
    told = signals(edge_fit=[0.0, 0.5], sureness=[0.4, 0.1])
    # half a portrait: half of SLOPES' 4 and half of the 6 for edge_fit, half of the 2 for sureness
    shares = [0.6 * np.exp(0.4 * 1), 0.35 * np.exp(0.5 * 5 + 0.1 * 1)]
    weights = weigh(told, ["a", "b"], shot, expertise, {"edge_fit": 6, "sureness": 2})
    assert weights == pytest.approx(np.array(shares) / sum(shares))
    assert weigh(told, ["x", "y"], Shot(0, 1, 0), {}, {}) == pytest.approx([0.5, 0.5])


def test_on_a_portrait_the_fitted_slopes_say_nothing() -> None:
    told, teachers = signals(edge_fit=[0.0, 0.5], sureness=[1.0, 0.1]), ["a", "b"]
    portraits = [weigh(told, teachers, Shot(1, 0, 0), {}, slopes) for slopes in (SLOPES, {"sureness": 50.0}, {})]
    assert portraits[0].tolist() == portraits[1].tolist() == portraits[2].tolist()
    assert portraits[0][1] == pytest.approx(1 / (1 + np.exp(-2)))


def test_a_drawn_vote_is_as_sure_as_the_others() -> None:
    told, slopes = signals(sureness=[1.0, 0.5]), {"sureness": 40.0}
    assert weigh(told, ["annotation", "a"], Shot(0, 1, 0), {}, slopes) == pytest.approx([0.5, 0.5])
    assert weigh(told, ["b", "a"], Shot(0, 1, 0), {}, slopes)[0] > 0.999
    assert weigh(told, ["annotation", "annotation"], Shot(0, 1, 0), {}, slopes)[0] > 0.999  # nobody to compare with


def test_the_order_of_teachers_does_not_matter_and_steep_slopes_do_not_overflow() -> None:
    told, shot = signals(relative_area=[-9.0, 9.0]), Shot(0, 1, 0)
    expertise = {"a": Expertise(figure=0.9), "b": Expertise(figure=0.1)}
    forth = weigh(told, ["a", "b"], shot, expertise, {"relative_area": 400.0})
    back = weigh(told[::-1], ["b", "a"], shot, expertise, {"relative_area": 400.0})
    assert forth.tolist() == back[::-1].tolist() == [0, 1]


def test_when_no_teacher_knows_the_shot_all_count_alike() -> None:
    ignorant = {"a": Expertise(portrait=0, figure=0, distant=0)}
    assert weigh(signals(edge_fit=[1, 0]), ["a", "a"], Shot(1, 0, 0), ignorant, SLOPES) == pytest.approx([0.5, 0.5])


def test_the_best_teacher_of_each_kind_of_shot_counts_one() -> None:
    shipped = read_reliability(FITTED / "reliability.json").expertise
    for kind in ("portrait", "figure", "distant"):
        assert max(getattr(skill, kind) for skill in shipped.values()) == 1


def test_by_design_a_portrait_is_the_selfie_models_and_edges_count_four() -> None:
    weights = weigh_by_design([0.0, 0.5], ["selfie", "pose"], Shot(1, 0, 0))
    assert weights == pytest.approx(np.array([1, 0.5 * np.exp(2)]) / (1 + 0.5 * np.exp(2)))
    told = signals(edge_fit=[0.0, 0.5])
    assert weights.tolist() == weigh(told, ["selfie", "pose"], Shot(1, 0, 0), BY_DESIGN, SLOPES).tolist()
