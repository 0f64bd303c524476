"""Scribbles: the crop's numbers by hand, what may change and what may not, and a picture that is easy to cut."""

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.scribbles import LEAST_RATIO, crop_around, expand_ratio, fix, graph_cut


@pytest.mark.parametrize(
    ("share", "zoom", "ratio"),
    [
        (0.0, 1, 2.0),
        (0.0099, 1, 2.0),
        (0.01, 1, 1.6),
        (0.05, 1, 1.3),
        (0.2, 1, 1.1),
        (1.0, 1, 1.1),
        (0.001, 2, 2 / math.sqrt(2)),
        (0.001, 4, LEAST_RATIO),
        (0.5, 1, 1.1),
    ],
)
def test_the_crop_grows_less_around_large_scribbles_and_when_zoomed_in(share, zoom, ratio):
    assert expand_ratio(share, zoom) == pytest.approx(ratio)


def test_a_zoom_is_positive():
    with pytest.raises(ValueError, match="positive"):
        expand_ratio(0.1, 0)


def test_the_crop_lies_around_the_strokes_and_inside_the_picture():
    strokes = np.zeros((200, 400), bool)
    strokes[100:110, 200:220] = True  # 20 x 10 of 80,000: doubled
    assert crop_around(strokes) == (slice(95, 115), slice(190, 230))
    strokes[:] = False
    strokes[0:10, 390:400] = True
    assert crop_around(strokes) == (slice(0, 15), slice(385, 400))


def test_a_straight_stroke_has_half_its_length_of_width():
    strokes = np.zeros((200, 400), bool)
    strokes[100, 100:140] = True  # 40 x 1 counts as 40 x 20, one in a hundred: 1.6
    rows, columns = crop_around(strokes)
    assert (columns.stop - columns.start, rows.stop - rows.start) == (64, 33)


def test_without_a_stroke_there_is_no_crop():
    with pytest.raises(ValueError, match="no stroke"):
        crop_around(np.zeros((4, 4), bool))


def scene() -> tuple[np.ndarray, np.ndarray]:
    """A red person with a green arm before noise of blue, and its truth."""
    truth = np.zeros((120, 160), np.uint8)
    cv2.rectangle(truth, (50, 20), (90, 119), 1, -1)
    cv2.rectangle(truth, (91, 50), (130, 66), 2, -1)
    image = np.random.default_rng(0).integers(0, 40, (120, 160, 3), dtype=np.uint8)
    image[truth == 0] += np.array([20, 30, 160], np.uint8)
    image[truth == 1] += np.array([190, 30, 20], np.uint8)
    image[truth == 2] += np.array([30, 170, 20], np.uint8)
    return image, truth


def stroke(shape: tuple[int, ...], start: tuple[int, int], stop: tuple[int, int]) -> np.ndarray:
    return cv2.line(np.zeros(shape, np.uint8), start, stop, 1, 2).astype(bool)


def test_a_stroke_adds_the_region_it_runs_through():
    image, truth = scene()
    mask, none = truth == 1, np.zeros_like(truth, bool)
    fixed = fix(image, mask, stroke(truth.shape, (93, 58), (128, 58)), none, grow=graph_cut)
    arm = truth == 2
    drawn = stroke(truth.shape, (93, 58), (128, 58))
    assert (fixed & arm).sum() > 3 * drawn.sum()  # much more than was drawn, and none of the wall
    assert not (fixed & (truth == 0)).sum() > 0.02 * arm.sum() and (fixed & mask).sum() == mask.sum()


def test_a_stroke_takes_a_region_away_and_one_of_each_kind_do_both():
    image, truth = scene()
    person, arm = truth == 1, truth == 2
    wrong = person.copy()
    wrong[90:110, 10:49] = True  # background in the mask
    minus = stroke(truth.shape, (12, 100), (47, 100))
    plus = stroke(truth.shape, (93, 58), (128, 58))
    fixed = fix(image, wrong, plus, minus, grow=graph_cut)
    assert (fixed & arm).sum() > 0.5 * arm.sum()
    assert fixed[90:110, 10:49].mean() < 0.5 and (fixed & person).mean() == pytest.approx(person.mean(), rel=0.02)


def test_a_part_of_the_answer_that_no_stroke_touches_is_left_out():
    image, truth = scene()
    add = stroke(truth.shape, (95, 58), (125, 58))
    island = np.zeros_like(truth, bool)
    island[45:48, 100:110] = True

    def grow(picture, mask, given):
        rows, columns = crop_around(add)
        return given | island[rows, columns]

    fixed = fix(image, np.zeros_like(add), add, np.zeros_like(add), grow=grow)
    assert np.array_equal(fixed, add)


def test_a_crop_larger_than_the_solved_side_is_solved_small_and_keeps_the_stroke():
    image, truth = scene()
    seen = []

    def grow(picture, mask, given):
        seen.append(picture.shape[:2])
        return given

    add = stroke(truth.shape, (10, 58), (150, 60))
    fixed = fix(image, truth == 1, add, np.zeros_like(add), grow=grow, side=40)
    assert max(seen[0]) == 40 and (fixed & add).sum() == add.sum()


def test_sizes_must_agree():
    image, truth = scene()
    with pytest.raises(ValueError, match="one size"):
        fix(image, truth == 1, np.zeros((4, 4), bool), truth == 2, grow=graph_cut)


def test_the_same_scribbles_give_the_same_mask():
    image, truth = scene()
    add = stroke(truth.shape, (93, 58), (128, 58))
    masks = [fix(image, truth == 1, add, np.zeros_like(add), grow=graph_cut) for _ in range(2)]
    assert np.array_equal(*masks)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), adds=st.booleans())
def test_only_the_crop_changes_only_in_the_strokes_sense_and_the_stroke_is_obeyed(seed, adds):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
    mask = cv2.resize(rng.random((6, 8)), (64, 48)) > rng.uniform(0.2, 0.8)
    points = rng.integers(0, [64, 48], (2, 2))
    drawn = stroke(mask.shape, tuple(map(int, points[0])), tuple(map(int, points[1])))
    none = np.zeros_like(drawn)
    fixed = fix(image, mask, drawn if adds else none, none if adds else drawn, grow=graph_cut)
    crop = crop_around(drawn)
    outside = np.ones_like(mask)
    outside[crop] = False
    assert np.array_equal(fixed[outside], mask[outside])
    assert not ((mask & ~fixed) if adds else (fixed & ~mask)).any()
    assert (fixed[drawn] == adds).all()
