import numpy as np
import pytest

from qa.contest import colour_model, contest_signals, contests
from qa.view import Outline, View

SIZE = (90, 120)
SKIN, WALL = (200, 150, 120), (40, 60, 90)


def block(top: int, left: int, bottom: int, right: int) -> np.ndarray:
    mask = np.zeros(SIZE, np.bool_)
    mask[top:bottom, left:right] = True
    return mask


BODY = block(20, 40, 80, 80)
ARM = block(30, 80, 45, 105)


def view(label: np.ndarray, person: np.ndarray, *votes: np.ndarray) -> View:
    """A flat picture of the true person on a wall."""
    given = {str(i): vote.astype(np.uint8) * 255 for i, vote in enumerate(votes)}
    image = np.where(person[..., None], SKIN, WALL).astype(np.uint8)
    return View(image=image, trust=np.zeros(SIZE, np.uint8), label=Outline(label), votes=given)


def test_an_arm_that_the_label_lacks_looks_like_the_person():
    (found,) = contests(view(BODY, BODY | ARM, BODY, BODY, BODY | ARM))
    assert found.missing
    assert found.area == pytest.approx(ARM.sum() / BODY.sum(), rel=0.1)
    assert found.dissent == pytest.approx(1 / 3, abs=0.01)
    assert found.colour > 0.9
    # The picture's edges run around the arm, and none where the label cuts it off.
    assert found.edge > 0.4


def test_an_arm_that_one_teacher_makes_up_looks_like_the_wall():
    (found,) = contests(view(BODY, BODY, BODY, BODY, BODY | ARM))
    assert found.missing and found.colour < 0.1 and found.edge < -0.5


def test_a_lump_that_most_teachers_share_looks_like_the_wall():
    (found,) = contests(view(BODY | ARM, BODY, BODY | ARM, BODY | ARM, BODY))
    assert not found.missing and found.colour > 0.9 and found.edge > 0.3


def test_wrong_labels_weigh_more_than_wrong_dissenters():
    right = contest_signals(view(BODY, BODY, BODY, BODY, BODY | ARM))
    wrong = contest_signals(view(BODY, BODY | ARM, BODY, BODY, BODY | ARM))
    assert wrong["missing_weight"] > 5 * right["missing_weight"]
    assert wrong["missing_area"] == right["missing_area"] > 0
    assert wrong["surplus_area"] == 0.0 and "surplus_colour" not in wrong


def test_where_edges_run_is_no_contest():
    wide = block(19, 39, 81, 81)
    assert contests(view(BODY, BODY, BODY, wide)) == []


def test_mirrored_evidence_weighs_the_same():
    shown = view(BODY, BODY | ARM, BODY, BODY | ARM)
    flipped = View(
        image=shown.image[:, ::-1].copy(),
        trust=shown.trust,
        label=Outline(BODY[:, ::-1].copy()),
        votes={name: vote[:, ::-1].copy() for name, vote in shown.votes.items()},
    )
    first, second = contest_signals(shown), contest_signals(flipped)
    # A boundary lies on one side of its pixels, so a mirrored one lies a pixel further.
    assert {name: pytest.approx(value, abs=0.12) for name, value in first.items()} == second


def test_the_order_of_the_teachers_does_not_matter():
    votes = (BODY, BODY, BODY | ARM)
    assert contest_signals(view(BODY, BODY | ARM, *votes)) == contest_signals(view(BODY, BODY | ARM, *votes[::-1]))


def test_one_teacher_is_no_contest():
    assert contest_signals(view(BODY, BODY, BODY | ARM)) == {}


def test_without_a_sure_foreground_colours_say_nothing():
    shown = view(BODY, BODY, ~BODY, ~BODY)
    assert (colour_model(shown, np.ones(SIZE, np.bool_)) == 0.5).all()


def test_colours_by_hand():
    """Four pixels of skin in the label, twelve of wall about it: each has its own bins and the neighbours' smear."""
    label = np.zeros((4, 4), np.bool_)
    label[1:3, 1:3] = True
    image = np.where(label[..., None], SKIN, WALL).astype(np.uint8)
    shown = View(image=image, trust=np.zeros((4, 4), np.uint8), label=Outline(label))
    colours = colour_model(shown, np.zeros((4, 4), np.bool_))
    skin, wall = (tuple(value >> 5 for value in colour) for colour in (SKIN, WALL))
    floor = 0.16 / 512
    # Smoothing keeps an eighth of a bin's share in it, half of it along each of three axes.
    assert colours[skin] == pytest.approx((1 / 8 + floor) / (1 / 8 + 2 * floor), abs=1e-4)
    assert colours[wall] == pytest.approx(floor / (1 / 8 + 2 * floor), abs=1e-2)
    assert colours[7, 0, 0] == pytest.approx(0.5)
