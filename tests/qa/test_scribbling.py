"""The simulated reviewer: which region, which kind, and a stroke that stays inside."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.scribbling import largest_wrong, next_stroke, stroke_through


def box(top: int, bottom: int, left: int, right: int) -> np.ndarray:
    mask = np.zeros((60, 80), bool)
    mask[top:bottom, left:right] = True
    return mask


def test_the_largest_region_is_scribbled_and_its_kind_said():
    truth = box(10, 50, 20, 60)
    missing = truth & ~box(10, 30, 20, 30)  # 200 missing, 64 false
    stroke = next_stroke(missing | box(0, 8, 0, 8), truth)
    assert stroke.adds and stroke.mask.any() and not (stroke.mask & ~box(10, 30, 20, 30)).any()
    stroke = next_stroke((truth | box(0, 8, 0, 40)) & ~box(10, 30, 20, 30), truth)  # 320 false
    assert not stroke.adds and not (stroke.mask & ~box(0, 8, 0, 40)).any()


def test_two_regions_are_not_one():
    region, missing = largest_wrong(box(0, 0, 0, 0), box(0, 10, 0, 10) | box(20, 32, 20, 32))
    assert missing and np.array_equal(region, box(20, 32, 20, 32))


def test_a_right_mask_gets_no_stroke():
    assert next_stroke(box(1, 9, 1, 9), box(1, 9, 1, 9)) is None


def test_the_stroke_runs_along_the_middle_of_the_longer_axis():
    drawn = stroke_through(box(20, 31, 10, 70))
    rows, columns = np.nonzero(drawn)
    assert columns.min() < 20 and columns.max() > 60 and rows.min() >= 23 and rows.max() <= 27


@settings(deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_stroke_never_leaves_its_region(seed):
    rng = np.random.default_rng(seed)
    truth, mask = rng.random((2, 24, 32)) > 0.5
    region, missing = largest_wrong(mask, truth)
    stroke = next_stroke(mask, truth)
    assert stroke.adds == missing and stroke.mask.any() and not (stroke.mask & ~region).any()
