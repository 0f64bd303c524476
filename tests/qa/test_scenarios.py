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
    motion, texture = values.pop("motion", 0.0), values.pop("texture", 0)
    image = np.repeat(np.where(mask, person, room).astype(np.uint8)[..., None], 3, axis=2)
    image[::4][mask[::4]] -= np.uint8(texture)
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
        ("fast_motion", scenarios(PERSON, motion=0.05, texture=60)),
        ("motion_blur", scenarios(PERSON, motion=0.01)),
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


def test_a_person_who_stands_still_is_not_smeared_and_a_sharp_one_is_neither():
    assert scenarios(PERSON) == []
    assert scenarios(PERSON, motion=0.01, texture=60) == []


def test_flipping_the_frame_changes_no_group():
    image = np.random.default_rng(0).integers(0, 255, (*SIZE, 3), dtype=np.uint8)
    mask = block(20, 0, 80, 70)
    found = []
    for turned in (slice(None), slice(None, None, -1)):
        view = View(
            image=np.ascontiguousarray(image[:, turned]), trust=np.zeros(SIZE, np.uint8),
            label=Outline(np.ascontiguousarray(mask[:, turned])),
        )  # fmt: skip
        found.append(scenarios_of(view, frame_signals(view), blur=500.0))
    assert found[0] == found[1] and "border_cut" in found[0]
