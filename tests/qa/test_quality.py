import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from qa.quality import Logistic, Term, quality_of
from qa.score import HAND_SET

TWO = Logistic(
    intercept=0.5,
    terms={"iou": Term(weight=2, centre=0.9, spread=0.05), "jump": Term(weight=-1, centre=0.1, spread=0.1)},
)


def test_quality_by_hand():
    expected = 1 / (1 + math.exp(-(0.5 + 2 * 1 - 1 * 2)))
    assert quality_of({"iou": 0.95, "jump": 0.3, "other": 7}, TWO) == pytest.approx(expected)


def test_a_missing_signal_stands_at_its_centre():
    assert quality_of({"jump": 0.2}, TWO) == quality_of({"iou": 0.9, "jump": 0.2}, TWO)


def test_no_freak_signal_decides_alone():
    assert quality_of({"iou": -100}, TWO) == quality_of({"iou": 0.75}, TWO) > 0


def test_a_spread_must_be_positive():
    with pytest.raises(ValidationError):
        Term(weight=1, centre=0, spread=0)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_the_hand_set_quality_is_monotone(data: st.DataObject):
    name = data.draw(st.sampled_from(sorted(HAND_SET.terms)))
    low, high = sorted(data.draw(st.tuples(*[st.floats(-2, 2)] * 2)))
    sign = math.copysign(1, HAND_SET.terms[name].weight)
    others = {other: term.centre for other, term in HAND_SET.terms.items()}
    change = quality_of(others | {name: high}, HAND_SET) - quality_of(others | {name: low}, HAND_SET)
    assert sign * change >= 0


def test_good_signals_are_silver_and_bad_ones_doubtful():
    good = {"label_iou": 0.98, "teacher_f": 0.95, "core_doubt": 0.0, "band_doubt": 0.03, "region_largest": 0.0}
    bad = {"label_iou": 0.8, "teacher_f": 0.5, "core_doubt": 0.2, "band_doubt": 0.2, "region_largest": 1.0}
    assert quality_of(good, HAND_SET) > 0.8
    assert quality_of(bad, HAND_SET) < 0.1
