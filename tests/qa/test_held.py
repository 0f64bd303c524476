import numpy as np
import pytest

from qa.contest import contest_signals
from qa.held import HELD, is_held
from qa.view import Outline, View

SIZE = (200, 160)


def block(top: int, left: int, bottom: int, right: int) -> np.ndarray:
    mask = np.zeros(SIZE, np.bool_)
    mask[top:bottom, left:right] = True
    return mask


PERSON = block(20, 60, 180, 100)
BAG = block(90, 100, 120, 125)


@pytest.mark.parametrize(
    ("region", "held"),
    [
        (BAG, True),
        (block(90, 110, 120, 135), False),  # does not touch
        (block(20, 100, 50, 125), False),  # at the height of the head
        (block(170, 100, 180, 125), False),  # on the ground, as a shadow lies
        (block(60, 100, 160, 125), False),  # as tall as a passer-by
    ],
)
def test_it_is_beside_a_person_at_the_height_of_hands_and_not_tall(region: np.ndarray, held: bool):
    assert is_held(PERSON, region) is held
    assert is_held(PERSON[:, ::-1], region[:, ::-1]) is held


def test_the_person_it_touches_counts_not_others():
    """A child beside a grown-up: what is at the height of the grown-up's knees is in the child's hands."""
    child = block(120, 140, 180, 156)
    thing = block(140, 124, 160, 140)
    assert is_held(child, thing) and is_held(PERSON | child, thing)
    assert not is_held(np.zeros(SIZE, np.bool_), thing)


def test_its_area_counts_as_far_as_the_surest_teacher_sees_it():
    def signal(*votes: np.ndarray) -> float:
        image = np.where((PERSON | BAG)[..., None], (200, 150, 120), (40, 60, 90)).astype(np.uint8)
        given = {str(index): vote for index, vote in enumerate(votes)}
        view = View(image=image, trust=np.zeros(SIZE, np.uint8), label=Outline(PERSON), votes=given)
        return contest_signals(view)[HELD]

    person = PERSON.astype(np.uint8) * 255
    whole, half = person + BAG.astype(np.uint8) * 255, person + BAG.astype(np.uint8) * 153
    assert signal(person, person, person) == 0
    assert signal(person, person, whole) == pytest.approx(BAG.sum() / PERSON.sum(), rel=0.05)
    assert signal(person, half, person) == pytest.approx(0.6 * BAG.sum() / PERSON.sum(), rel=0.05)
    assert signal(person, person, person, half, whole) == signal(person, person, person, person, whole)
