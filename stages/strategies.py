"""Fusion strategies: the votes of one frame become one foreground probability per pixel. Pure functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from stages.staple import staple

Stack = NDArray[np.float32]
"""`(T, H, W)` float32 in 0-1: one map per teacher, 1 = foreground."""
Weights = NDArray[np.float32]
"""`(T,)` float32, not negative, sum 1: how far each teacher is to be trusted on this frame."""
Probability = NDArray[np.float32]
"""`(H, W)` float32 in 0-1."""
Strategy = Callable[[Stack, Weights], Probability]

_LOGIT_LIMIT = 0.02
"""STAPLE's posterior is nearly binary; kept this far from 0 and 1 so that later steps can still weigh it."""


def mean(votes: Stack, weights: Weights) -> Probability:
    """Equal-weight mean of the votes."""
    return np.asarray(votes.mean(axis=0), np.float32)


def median(votes: Stack, weights: Weights) -> Probability:
    """Median of the votes; with an even number of them, the mean of the middle two."""
    return np.asarray(np.median(votes, axis=0), np.float32)


def majority(votes: Stack, weights: Weights) -> Probability:
    """Share of the teachers that say foreground (vote at least one half)."""
    return np.asarray((votes >= 0.5).mean(axis=0), np.float32)


def weighted(votes: Stack, weights: Weights) -> Probability:
    """Mean of the votes weighted by how far each teacher is to be trusted on this frame (`stages.reliability`)."""
    return np.asarray(np.tensordot(weights, votes, axes=1), np.float32)


def simultaneous_truth(votes: Stack, weights: Weights) -> Probability:
    """STAPLE: truth and the teachers' sensitivity and specificity on this frame estimated together."""
    truth = staple(votes.reshape(len(votes), -1)).truth.reshape(votes.shape[1:])
    return np.asarray(np.clip(truth, _LOGIT_LIMIT, 1 - _LOGIT_LIMIT), np.float32)


STRATEGIES: Mapping[str, Strategy] = {
    "mean": mean,
    "median": median,
    "vote": majority,
    "staple": simultaneous_truth,
    "weighted": weighted,
}
"""By their name in `params.yaml`."""


def disagreement(votes: Stack, weights: Weights) -> NDArray[np.float32]:
    """`(H, W)` float32: twice the weighted standard deviation of the votes; 0 they agree, 1 they split evenly."""
    centre = weighted(votes, weights)
    return 2 * np.sqrt(np.tensordot(weights, (votes - centre) ** 2, axes=1)).astype(np.float32)


def support(votes: Stack, weights: Weights, label: NDArray[np.bool_]) -> NDArray[np.float32]:
    """`(H, W)` float32 0-1: weight of the teachers whose vote is on the same side as `label` `(H, W)`."""
    return np.asarray(np.tensordot(weights, ((votes >= 0.5) == label).astype(np.float32), axes=1), np.float32)
