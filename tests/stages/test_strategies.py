"""Fusion strategies on votes small enough to check by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from stages.strategies import STRATEGIES, disagreement, support

VOTES = np.array([0.1, 0.6, 0.9], np.float32).reshape(3, 1, 1)
WEIGHTS = np.array([0.5, 0.25, 0.25], np.float32)


@pytest.mark.parametrize(
    ("name", "expected"), [("mean", 1.6 / 3), ("median", 0.6), ("vote", 2 / 3), ("weighted", 0.05 + 0.15 + 0.225)]
)
def test_by_hand(name: str, expected: float) -> None:
    assert STRATEGIES[name](VOTES, WEIGHTS)[0, 0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", STRATEGIES)
@settings(max_examples=20, deadline=None)
@given(votes=hnp.arrays(np.float32, (4, 5, 6), elements=st.floats(0, 1, width=32)))
def test_answers_a_probability_map_that_ignores_the_teachers_order(name: str, votes: np.ndarray) -> None:
    weights = np.array([0.4, 0.3, 0.2, 0.1], np.float32)
    fused = STRATEGIES[name](votes, weights)
    assert fused.shape == (5, 6) and fused.dtype == np.float32
    assert fused.min() >= 0 and fused.max() <= 1 + 1e-6
    order = [2, 0, 3, 1]
    np.testing.assert_allclose(STRATEGIES[name](votes[order], weights[order]), fused, atol=1e-5)


@pytest.mark.parametrize("name", STRATEGIES)
def test_unanimous_teachers_are_believed(name: str) -> None:
    mask = np.zeros((8, 8), np.float32)
    mask[2:6, 2:6] = 1
    fused = STRATEGIES[name](np.stack([mask] * 3), np.full(3, 1 / 3, np.float32))
    np.testing.assert_array_equal(fused >= 0.5, mask == 1)


def test_disagreement_is_one_for_an_even_split_and_zero_for_agreement() -> None:
    votes = np.array([[[1.0, 0.7]], [[0.0, 0.7]]], np.float32)
    np.testing.assert_allclose(disagreement(votes, np.array([0.5, 0.5], np.float32)), [[1, 0]], atol=1e-6)


def test_support_is_the_weight_on_the_labels_side() -> None:
    label = np.array([[True]])
    assert support(VOTES, WEIGHTS, label)[0, 0] == pytest.approx(0.5)
    assert support(VOTES, WEIGHTS, ~label)[0, 0] == pytest.approx(0.5)
    assert support(VOTES, np.array([0.1, 0.2, 0.7], np.float32), label)[0, 0] == pytest.approx(0.9)
