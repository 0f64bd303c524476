"""STAPLE against hand-worked iterations and voters of known quality."""

from __future__ import annotations

import numpy as np
import pytest

from stages.staple import staple


def test_one_iteration_by_hand() -> None:
    # Three voters, four pixels; every p and q starts at .99, the prior is the mean of the votes: 6 of 12.
    votes = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [1, 0, 1, 0]], dtype=float)
    result = staple(votes, max_iterations=1)
    two_to_one = 0.99 / (0.99 + 0.01)  # .5·.99²·.01 against .5·.01²·.99
    sure = 0.99**3 / (0.99**3 + 0.01**3)
    expected = np.array([sure, two_to_one, 1 - two_to_one, 1 - sure])
    np.testing.assert_allclose(result.truth, expected, rtol=1e-9)
    p = votes @ expected / expected.sum()
    q = (1 - votes) @ (1 - expected) / (1 - expected).sum()
    np.testing.assert_allclose(result.sensitivity, p, rtol=1e-9)
    np.testing.assert_allclose(result.specificity, q, rtol=1e-9)
    assert result.iterations == 1


def test_recovers_the_quality_of_independent_voters() -> None:
    random = np.random.default_rng(1)
    truth = random.random(20_000) < 0.3
    sensitivity, specificity = np.array([0.95, 0.9, 0.7, 0.6]), np.array([0.98, 0.85, 0.95, 0.7])
    says = np.where(truth, sensitivity[:, None], 1 - specificity[:, None])
    votes = (random.random((4, truth.size)) < says).astype(float)
    result = staple(votes, prior=0.3, max_iterations=200)
    np.testing.assert_allclose(result.sensitivity, sensitivity, atol=0.03)
    np.testing.assert_allclose(result.specificity, specificity, atol=0.03)
    majority = (votes.mean(axis=0) > 0.5) == truth
    assert ((result.truth > 0.5) == truth).mean() > majority.mean()


def test_a_voter_who_is_always_wrong_is_read_backwards() -> None:
    random = np.random.default_rng(2)
    truth = random.random(5000) < 0.4
    votes = np.stack([truth, truth, truth, ~truth]).astype(float)
    result = staple(votes)
    assert ((result.truth > 0.5) == truth).all()
    assert result.sensitivity[3] < 0.01


def test_soft_votes_weigh_less_than_hard_ones() -> None:
    hard = staple(np.array([[1.0, 0.0, 1.0], [1.0, 0.0, 0.0]]), prior=0.5, max_iterations=1)
    soft = staple(np.array([[1.0, 0.0, 0.8], [1.0, 0.0, 0.0]]), prior=0.5, max_iterations=1)
    assert hard.truth[2] == pytest.approx(0.5)
    assert soft.truth[2] < 0.5


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_unanimous_votes_stay(value: float) -> None:
    result = staple(np.full((3, 10), value))
    np.testing.assert_allclose(result.truth, value, atol=1e-5)


@pytest.mark.parametrize("votes", [np.zeros(3), np.zeros((2, 0)), np.full((2, 2), 1.5)])
def test_refuses_what_are_no_votes(votes: np.ndarray) -> None:
    with pytest.raises(ValueError, match="votes in 0-1"):
        staple(votes)
