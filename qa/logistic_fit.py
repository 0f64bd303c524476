"""Fits the small logistics of `qa`: from signals by name to a probability, or to a share such as 1 − IoU."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from qa.logistic import REACH, Logistic, Term

QUARTILES = 1.349
"""Standard deviations between the quartiles of a normal distribution."""
ROUND = 6
"""Digits kept of a coefficient: a refit on another machine gives the same file."""


def fit_logistic(
    signals: Sequence[Mapping[str, float]],
    targets: Sequence[float],
    signs: Mapping[str, int],
    *,
    ridge: float = 1.0,
    weights: Sequence[float] | None = None,
) -> Logistic:
    """The logistic of least cross-entropy + `ridge`/2 · Σ weight², monotone in every signal as `signs` say.

    Targets in 0-1 may be fractions: cross-entropy then fits their mean (quasi-binomial), which is how an expected
    error is regressed. Centre and spread of a signal are its median and its quartiles' distance (robust: a freak value
    moves neither); a signal that does not vary is left out.

    Args:
        signs: signal to +1 (more of it, more of the target), −1 or 0 (either). Only these signals are used.
        weights: of the frames; by default all 1.

    Raises:
        ValueError: no frames, lengths that differ, or targets outside 0-1.
    """
    y = np.asarray(targets, np.float64)
    if not len(signals) or len(signals) != len(y) or min(targets) < 0 or max(targets) > 1:
        raise ValueError(f"fit_logistic needs as many targets in 0-1 as signals, got {len(y)} and {len(signals)}")
    scales = {name: scale for name in sorted(signs) if (scale := _scale(signals, name)) is not None}
    columns = [_column(signals, name, *scale) for name, scale in scales.items()]
    x = np.stack([*columns, np.ones(len(y))], axis=1)
    w = np.ones(len(y)) if weights is None else np.asarray(weights, np.float64)
    bounds = [_BOUNDS[signs[name]] for name in scales] + [_BOUNDS[0]]
    best = minimize(_loss, np.zeros(x.shape[1]), args=(x, y, w, ridge), jac=True, bounds=bounds, method="L-BFGS-B")
    coefficients = [round(float(value), ROUND) for value in best.x]
    terms = {
        name: Term(weight=weight, centre=round(scale[0], ROUND), spread=round(scale[1], ROUND))
        for (name, scale), weight in zip(scales.items(), coefficients, strict=False)
        if weight
    }
    return Logistic(intercept=coefficients[-1], terms=terms)


_BOUNDS: Mapping[int, tuple[float | None, float | None]] = {1: (0.0, None), -1: (None, 0.0), 0: (None, None)}


def _scale(signals: Sequence[Mapping[str, float]], name: str) -> tuple[float, float] | None:
    """Median and spread of a signal where it is known; None where it does not vary."""
    values = np.asarray([found[name] for found in signals if name in found], np.float64)
    if not values.size or values.max() - values.min() < 10**-ROUND:
        return None
    low, centre, high = np.quantile(values, [0.25, 0.5, 0.75])
    spread = (high - low) / QUARTILES
    return float(centre), float(max(spread, values.std() / 3, 10**-ROUND))


def _column(signals: Sequence[Mapping[str, float]], name: str, centre: float, spread: float) -> NDArray[np.float64]:
    values = np.asarray([found.get(name, centre) for found in signals], np.float64)
    return np.asarray(np.clip((values - centre) / spread, -REACH, REACH))


def _loss(
    theta: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64], w: NDArray[np.float64], ridge: float
) -> tuple[float, NDArray[np.float64]]:
    """Cross-entropy with its gradient; the intercept (last) is not pulled to 0."""
    z = x @ theta
    pull = np.append(theta[:-1], 0.0)
    entropy = np.logaddexp(0, z) - y * z
    residual = 1 / (1 + np.exp(-z)) - y
    return float(w @ entropy + ridge / 2 * pull @ pull), np.asarray(x.T @ (w * residual) + ridge * pull)
