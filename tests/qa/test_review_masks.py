from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from qa.review_masks import THRESHOLD, decided_alpha, shown_mask, sized

SHAPES = st.tuples(st.integers(1, 24), st.integers(1, 24))


@given(SHAPES.flatmap(lambda shape: st.tuples(arrays.arrays(np.bool_, shape), arrays.arrays(np.uint8, shape))))
def test_thresholded_it_is_exactly_what_was_reviewed(pair):
    reviewed, alpha = pair
    assert ((decided_alpha(reviewed, alpha) > THRESHOLD) == reviewed).all()


@given(arrays.arrays(np.uint8, SHAPES))
def test_an_untouched_mask_keeps_the_label_to_the_last_bit(alpha):
    assert (decided_alpha(alpha > THRESHOLD, alpha) == alpha).all()


def test_softness_goes_where_its_outline_is_gone_and_stays_elsewhere():
    alpha = np.zeros((100, 200), np.uint8)
    alpha[:, 40:160] = 255
    alpha[:, 40] = alpha[:, 159] = 130  # a soft outline on either side
    alpha[:, 39] = alpha[:, 160] = 100
    reviewed = alpha > THRESHOLD
    reviewed[:, 120:] = False  # the right part was background
    decided = decided_alpha(reviewed, alpha)
    assert (decided[:, :110] == alpha[:, :110]).all()
    assert set(np.unique(decided[:, 117:])) == {0, 255}  # no ghost of the outline at 160


def test_a_mask_of_another_size_is_refused():
    with pytest.raises(ValueError, match="bring it to the mask's size"):
        decided_alpha(np.zeros((4, 4), np.bool_), np.zeros((4, 5), np.uint8))


def test_the_shown_mask_is_half_of_the_alpha_at_the_pictures_size():
    alpha = np.array([[0, 127, 128, 255]], np.uint8)
    assert shown_mask(alpha, 4, 1).tolist() == [[False, False, True, True]]
    assert shown_mask(alpha, 8, 2).shape == (2, 8)
    assert sized(np.full((4, 4), 7, np.uint8), 2, 2).tolist() == [[7, 7], [7, 7]]
