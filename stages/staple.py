"""STAPLE: the truth and every voter's sensitivity and specificity, estimated together by expectation-maximisation.

Source: S. K. Warfield, K. H. Zou, W. M. Wells, "Simultaneous truth and performance level estimation (STAPLE): an
algorithm for the validation of image segmentation", IEEE Transactions on Medical Imaging 23(7), 2004.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_EPS = 1e-6


@dataclass(frozen=True)
class Staple:
    """Result of the estimation.

    Attributes:
        truth: `(N,)` float64, posterior probability 0-1 that the pixel is foreground.
        sensitivity: `(T,)` float64, P(voter says foreground | foreground), 0-1.
        specificity: `(T,)` float64, P(voter says background | background), 0-1.
        iterations: how many were needed.
    """

    truth: NDArray[np.float64]
    sensitivity: NDArray[np.float64]
    specificity: NDArray[np.float64]
    iterations: int


def staple(
    votes: NDArray[np.floating], *, prior: float | None = None, max_iterations: int = 50, tolerance: float = 1e-5
) -> Staple:
    """Estimate truth and voter performance from `(T, N)` votes in 0-1.

    Binary votes give the algorithm of the paper (equations 14, 15, 18 and 19). A soft vote d enters as the expected
    log-likelihood of a voter that says foreground with probability d: `d log p + (1 - d) log (1 - p)`.

    Args:
        votes: `(T, N)`, 0-1.
        prior: P(foreground) of a pixel before any vote, 0-1; None takes the mean of all votes, as the paper does.
        max_iterations: the estimate of this iteration is returned even when it still moves.
        tolerance: stop once no sensitivity or specificity moves by more.

    Raises:
        ValueError: `votes` is not two-dimensional, is empty, or leaves 0-1.
    """
    d = np.asarray(votes, dtype=np.float64)
    if d.ndim != 2 or d.size == 0 or d.min() < 0 or d.max() > 1:
        raise ValueError(f"expected (T, N) votes in 0-1, got shape {d.shape}")
    gamma = float(np.clip(d.mean() if prior is None else prior, _EPS, 1 - _EPS))
    p = np.full(len(d), 0.99)
    q = np.full(len(d), 0.99)
    truth: NDArray[np.float64] = np.empty(d.shape[1])
    for iteration in range(1, max_iterations + 1):  # noqa: B007 - reported
        truth = _posterior(d, p, q, gamma)
        foreground, background = truth.sum(), (1 - truth).sum()
        new_p = np.clip(d @ truth / max(foreground, _EPS), _EPS, 1 - _EPS)
        new_q = np.clip((1 - d) @ (1 - truth) / max(background, _EPS), _EPS, 1 - _EPS)
        moved = max(np.abs(new_p - p).max(), np.abs(new_q - q).max())
        p, q = new_p, new_q
        if moved <= tolerance:
            break
    return Staple(truth, p, q, iteration)


def _posterior(
    d: NDArray[np.float64], p: NDArray[np.float64], q: NDArray[np.float64], gamma: float
) -> NDArray[np.float64]:
    """P(foreground) of every pixel given the voters' performance (the E step), in logarithms against underflow."""
    gain = np.log(p / (1 - q)) - np.log((1 - p) / q)
    offset = np.log(gamma / (1 - gamma)) + np.log((1 - p) / q).sum()
    posterior: NDArray[np.float64] = 1 / (1 + np.exp(-np.clip(gain @ d + offset, -60, 60)))
    return posterior
