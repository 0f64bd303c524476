"""The unknown band: always narrow, wider where there is doubt, never a region."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stages.trimap import BACKGROUND, FOREGROUND, UNKNOWN, TrimapConfig, trimap_from_votes

CONFIG = TrimapConfig(sure=0.9, agree=0.5, narrow=0.02, wide=0.08)  # of a diagonal of 100: 2 and 8 pixels


def half(height: int = 60, width: int = 80) -> np.ndarray:
    """Probability 1 in the left half; the contour runs between columns 39 and 40."""
    probability = np.zeros((height, width), np.float32)
    probability[:, :40] = 1
    return probability


def columns_of(trimap: np.ndarray, value: int, row: int = 30) -> list[int]:
    return list(np.flatnonzero(trimap[row] == value))


def test_sure_and_agreed_leaves_the_narrow_band() -> None:
    trimap = trimap_from_votes(half(), np.zeros((60, 80), np.float32), CONFIG)
    assert columns_of(trimap, UNKNOWN) == [38, 39, 40, 41]
    assert (trimap[:, :38] == FOREGROUND).all() and (trimap[:, 42:] == BACKGROUND).all()


def test_doubt_widens_the_band_but_not_beyond_its_bound() -> None:
    probability = half()
    probability[:, 40:60] = 0.3  # twenty columns of doubt, the band reaches eight
    trimap = trimap_from_votes(probability, np.zeros((60, 80), np.float32), CONFIG)
    assert columns_of(trimap, UNKNOWN) == [38, 39, *range(40, 48)]
    assert (trimap[:, 48:] == BACKGROUND).all()


def test_disagreement_widens_the_band_too() -> None:
    spread = np.zeros((60, 80), np.float32)
    spread[:, 30:40] = 0.8
    assert columns_of(trimap_from_votes(half(), spread, CONFIG), UNKNOWN) == [*range(32, 40), 40, 41]


def test_a_region_of_doubt_far_from_the_contour_keeps_its_side() -> None:
    probability = half()
    probability[20:30, 60:75] = 0.45
    trimap = trimap_from_votes(probability, np.ones((60, 80), np.float32), CONFIG)
    assert (trimap[20:30, 60:75] == BACKGROUND).all()


def test_the_frames_border_is_no_contour() -> None:
    trimap = trimap_from_votes(half(), np.zeros((60, 80), np.float32), CONFIG)
    assert (trimap[:, 0] == FOREGROUND).all() and (trimap[0, :38] == FOREGROUND).all()


def test_without_contour_nothing_is_unknown() -> None:
    for value, side in ((0.4, BACKGROUND), (0.6, FOREGROUND)):
        probability = np.full((10, 10), value, np.float32)
        assert (trimap_from_votes(probability, np.ones((10, 10), np.float32), CONFIG) == side).all()


@settings(max_examples=25, deadline=None)
@given(probability=hnp.arrays(np.float32, (20, 24), elements=st.floats(0, 1, width=32)))
def test_sure_pixels_are_on_their_own_side(probability: np.ndarray) -> None:
    trimap = trimap_from_votes(probability, np.zeros_like(probability), CONFIG)
    assert (probability[trimap == FOREGROUND] >= 0.5).all()
    assert (probability[trimap == BACKGROUND] < 0.5).all()
    assert set(np.unique(trimap)) <= {BACKGROUND, UNKNOWN, FOREGROUND}
