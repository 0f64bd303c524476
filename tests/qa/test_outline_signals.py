import numpy as np
import pytest

from qa.outline_signals import box_sides, jaggedness, outline_signals
from qa.view import Outline, View

SIZE = (180, 240)


def block(top: int, left: int, bottom: int, right: int) -> np.ndarray:
    mask = np.zeros(SIZE, np.bool_)
    mask[top:bottom, left:right] = True
    return mask


def disc(radius: float, teeth: float = 0.0) -> np.ndarray:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    angle = np.arctan2(y - 90, x - 120)
    return np.hypot(y - 90, x - 120) <= radius + teeth * np.sign(np.sin(24 * angle))


BODY = block(40, 60, 160, 140)


def view(label: np.ndarray, person: np.ndarray, *votes: np.ndarray, **extra: object) -> View:
    image = np.where(person[..., None], 200, 40).astype(np.uint8).repeat(3, axis=2)
    given = {str(i): vote.astype(np.uint8) * 255 for i, vote in enumerate(votes)}
    return View(image=image, trust=np.zeros(SIZE, np.uint8), label=Outline(label), votes=given, **extra)


def test_teeth_make_an_outline_longer_than_its_smoothed_version():
    smooth, jagged = jaggedness(disc(60)), jaggedness(disc(60, teeth=3))
    assert smooth["jagged_length"] == pytest.approx(1.0, abs=0.05)
    assert jagged["jagged_length"] > 1.15
    assert jagged["jagged_area"] > 3 * smooth["jagged_area"]


def test_a_longer_outline_is_not_a_more_jagged_one():
    large, small = jaggedness(disc(80)), jaggedness(disc(40))
    assert large["jagged_length"] == pytest.approx(small["jagged_length"], abs=0.05)


def test_jaggedness_is_seen_at_the_labels_own_resolution():
    shown = view(disc(60), disc(60), detail=disc(60, teeth=3))
    assert outline_signals(shown)["jagged_length"] == jaggedness(disc(60, teeth=3))["jagged_length"]


def test_edges_are_strong_where_the_label_ends_the_person():
    right, cut = outline_signals(view(BODY, BODY)), outline_signals(view(block(90, 60, 160, 140), BODY))
    assert right["edge_mean"] > 0.9 and right["edge_low"] > 0.8
    assert cut["edge_low"] < 0.2 < cut["edge_mean"] < right["edge_mean"]


def test_a_teacher_that_follows_the_picture_better_is_a_rival():
    wrong = block(90, 60, 160, 140)
    assert outline_signals(view(wrong, BODY, wrong, BODY))["rival_fit"] > 0.1
    assert outline_signals(view(BODY, BODY, wrong, BODY))["rival_fit"] < -0.1
    assert outline_signals(view(BODY, BODY, BODY))["rival_fit"] == 0.0
    assert "rival_fit" not in outline_signals(view(BODY, BODY))


def test_box_sides_by_hand():
    """The box spans x 60-140, y 20-160; the mask x 60-150, y 40-160: 20 of 140 short on top, 10 of 80 over."""
    mask = block(40, 60, 160, 150)
    box = [60 / 240, 20 / 180, 140 / 240, 160 / 180]
    assert box_sides(mask, [box], [0.8]) == pytest.approx({"box_short": 20 / 140, "box_over": 10 / 80}, abs=0.02)
    # A weak box beside a strong one is not sure to be a person.
    assert box_sides(mask, [box, [0, 0, 1, 1]], [0.8, 0.3]) == box_sides(mask, [box], [0.8])
    # A box that leaves the picture asks for no foreground outside.
    low = [60 / 240, 40 / 180, 150 / 240, 1.3]
    assert box_sides(block(40, 60, 180, 150), [low], [0.8])["box_short"] == pytest.approx(0, abs=0.02)


def test_a_box_without_any_foreground_is_all_short():
    assert box_sides(block(150, 200, 170, 230), [[0, 0, 0.3, 0.5]], [0.9])["box_short"] == 1.0


def test_an_empty_label_has_no_outline():
    assert outline_signals(view(BODY & False, BODY, BODY, boxes=[[0, 0, 1, 1]], scores=[0.9])) == {}
