from dataclasses import replace

import numpy as np
import pytest

from qa.trail_signals import trail_signals
from qa.view import Outline, View

SIZE = (60, 160)


def at(x: int) -> np.ndarray:
    mask = np.zeros(SIZE, np.bool_)
    mask[10:50, x : x + 30] = True
    return mask


def burst(labels: list[int], *votes: list[int]) -> list[View]:
    """A person who walks; labels and each teacher's votes by where they see him."""
    views = []
    for index, label in enumerate(labels):
        given = {str(i): at(where[index]).astype(np.uint8) * 255 for i, where in enumerate(votes)}
        image, trust = np.zeros((*SIZE, 3), np.uint8), np.zeros(SIZE, np.uint8)
        views.append(View(image=image, trust=trust, label=Outline(at(label)), votes=given))
    return views


WALK = [20, 26, 32, 38, 44, 50]
LATE = [14, 20, 26, 32, 38, 44]


def test_one_teacher_that_keeps_up_gives_a_lag_away():
    found = trail_signals(burst(LATE, LATE, LATE, WALK))
    # Against the teacher that keeps up: the same place one frame ago (IoU 1), 6 pixels away now (24 / 36).
    assert found[3]["trail"] == pytest.approx(1 - 24 / 36)
    assert found[3]["trail_burst"] > 0.2
    assert {"trail", "trail_lead"}.isdisjoint(found[0])


def test_a_label_that_keeps_up_does_not_trail():
    found = trail_signals(burst(WALK, WALK, WALK, LATE))
    assert all(one.get("trail", 0.0) <= 0 for one in found)
    assert found[0]["trail_burst"] < 0


def test_standing_still_is_no_lag():
    still = [20] * 6
    for one in trail_signals(burst(still, still, still)):
        assert one.get("trail", 0.0) == 0.0 and one["trail_burst"] == 0.0


def test_one_frame_and_no_votes_have_no_trail():
    assert trail_signals(burst([20], [20])) == [{}]
    assert trail_signals(burst(WALK)) == [{}] * 6


def test_what_a_shift_explains_by_hand():
    """Two teachers stand where the label does, one 6 pixels ahead: 24 / 36 becomes 1."""
    found = trail_signals(burst(LATE, LATE, LATE, WALK))
    assert [one["offset_gain"] for one in found] == pytest.approx([1 - 24 / 36] * 6)
    assert found[0]["offset_burst"] == pytest.approx(1 - 24 / 36)
    assert trail_signals(burst(WALK, WALK, WALK))[0]["offset_burst"] == 0


def test_a_lacking_leg_is_no_shift():
    views = burst(WALK, WALK)
    cut = np.zeros(SIZE, np.bool_)
    cut[30:] = True
    shown = [replace(view, label=Outline(view.label.mask & ~cut)) for view in views]
    # Moving half of a person down by a quarter of it swaps one half for another.
    assert trail_signals(shown)[0]["offset_burst"] == pytest.approx(0, abs=0.01)
