import numpy as np
import pytest

from qa.scenarios import SCENARIOS, scenarios_of
from qa.signals import frame_signals
from qa.view import Outline, View

SIZE = (90, 120)


def block(top: int, left: int, bottom: int, right: int) -> np.ndarray:
    mask = np.zeros(SIZE, np.bool_)
    mask[top:bottom, left:right] = True
    return mask


PERSON = block(20, 30, 80, 90)


def scenarios(
    mask: np.ndarray, *, person: int = 200, room: int = 100, blur: float = 500.0, **values: object
) -> list[str]:
    motion = values.pop("motion", 0.0)
    image = np.repeat(np.where(mask, person, room).astype(np.uint8)[..., None], 3, axis=2)
    view = View(image=image, trust=np.zeros(SIZE, np.uint8), label=Outline(mask), **values)
    return scenarios_of(view, frame_signals(view) | {"motion": motion}, blur=blur)


def test_an_easy_frame_is_in_no_group():
    assert scenarios(PERSON) == []


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("several_people", scenarios(PERSON, boxes=[[0, 0, 0.5, 1], [0.5, 0, 1, 1]], scores=[0.9, 0.6])),
        ("no_person", scenarios(PERSON & False)),
        ("small_person", scenarios(block(40, 50, 55, 60))),
        ("border_cut", scenarios(block(20, 0, 80, 60))),
        ("dark", scenarios(PERSON, person=60, room=20)),
        ("backlit", scenarios(PERSON, person=80, room=220)),
        ("low_contrast", scenarios(PERSON, person=105, room=100)),
        ("blurred", scenarios(PERSON, blur=20.0)),
        ("fast_motion", scenarios(PERSON, motion=0.05)),
    ],
)
def test_each_group_by_itself(name: str, found: list[str]):
    assert found == [name]


def test_every_scenario_is_tested():
    names = {case[0] for case in test_each_group_by_itself.pytestmark[0].args[1]}
    assert names == set(SCENARIOS)


def test_a_second_box_must_be_sure_and_the_bottom_cuts_every_portrait():
    assert scenarios(PERSON, boxes=[[0, 0, 0.5, 1], [0.5, 0, 1, 1]], scores=[0.9, 0.3]) == []
    assert scenarios(block(20, 30, 90, 90)) == []
