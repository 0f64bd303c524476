"""Only foreground that touches a person box stays."""

from __future__ import annotations

import numpy as np

from stages.semantics import keep_people


def two_blobs() -> np.ndarray:
    probability = np.full((40, 80), 0.1, np.float32)
    probability[10:30, 10:30] = 0.9
    probability[10:30, 50:70] = 0.8
    return probability


def test_what_no_box_touches_is_removed_and_the_rest_is_untouched() -> None:
    probability = two_blobs()
    kept = keep_people(probability, [(0.1, 0.2, 0.4, 0.8)], margin=1.25)
    assert (kept[10:30, 50:70] == 0).all()
    np.testing.assert_array_equal(kept[:, :45], probability[:, :45])


def test_an_arm_may_leave_the_box() -> None:
    probability = two_blobs()
    probability[18:22, 30:50] = 0.7  # the blobs are one
    np.testing.assert_array_equal(keep_people(probability, [(0.1, 0.2, 0.4, 0.8)], margin=1.25), probability)


def test_the_margin_enlarges_the_box_about_its_centre() -> None:
    box = [(0.75, 0.4, 0.95, 0.6)]  # ends at 76 of 80 pixels; the blob begins at 70 ... 50
    probability = np.full((40, 80), 0.0, np.float32)
    probability[10:30, 50:57] = 1
    assert keep_people(probability, box, margin=1.0).max() == 0
    assert keep_people(probability, box, margin=1.5).max() == 1


def test_without_boxes_nothing_is_removed() -> None:
    np.testing.assert_array_equal(keep_people(two_blobs(), [], margin=1.25), two_blobs())
