"""Fitting the judge: trees on all labels with truth, calibration on the natural ones; no source on both sides."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from qa.boosting import Samples
from qa.boosting_fit import Recipe, fit_boosted
from qa.judge import SIGNALS, Judge

Flags = NDArray[np.bool_]
Vector = NDArray[np.float64]


def fit_judge(
    samples: Samples,
    good: Flags,
    natural: Flags,
    folds: NDArray[np.intp],
    *,
    weights: Vector | None = None,
    recipe: Recipe | None = None,
    fitted_on: str = "",
    command: str = "",
) -> Judge:
    """A judge from `(N, F)` samples with the columns of `SIGNALS`.

    Injected errors teach the trees what errors look like, but how often labels are wrong is to be learnt from the
    natural ones: Platt's two numbers are fitted to the log-odds that held-out folds give them.

    Args:
        good: `(N,)` bool. natural: `(N,)` bool, nothing was injected. folds: `(N,)` fold of each sample; a source
            lies in one fold. weights: `(N,)`, positive; by default natural and injected labels count the same in all.

    Raises:
        ValueError: all labels are good, or none.
    """
    recipe = recipe or Recipe()
    weights = balanced(natural) if weights is None else weights
    signs = list(SIGNALS.values())
    held_out = np.full(len(samples), np.nan)
    for fold in np.unique(folds):
        test, rest = folds == fold, folds != fold
        if test.any() and 0 < np.count_nonzero(good[rest]) < np.count_nonzero(rest):
            model = fit_boosted(samples[rest], good[rest], weights[rest], signs, recipe)
            held_out[test] = model.log_odds(samples[test])
    known = natural & ~np.isnan(held_out)
    slope, offset = platt(held_out[known], good[known])
    model = fit_boosted(samples, good, weights, signs, recipe)
    return Judge(tuple(SIGNALS), model, slope, offset, fitted_on, command)


def balanced(natural: Flags) -> Vector:
    """Weights that let the natural labels and the injected ones count the same in all."""
    share = float(np.mean(natural))
    if share in (0.0, 1.0):
        return np.ones(len(natural))
    return np.where(natural, 0.5 / share, 0.5 / (1 - share))


def platt(log_odds: Vector, good: Flags) -> tuple[float, float]:
    """Slope (≥ 0.05) and offset of `P = sigmoid(slope · x + offset)` by Newton steps; (1, 0) if labels are all alike.

    Source: J. Platt, "Probabilistic outputs for support vector machines", 1999, with its smoothed targets.
    """
    positive, negative = int(good.sum()), int((~good).sum())
    if not positive or not negative:
        return 1.0, 0.0
    targets = np.where(good, (positive + 1) / (positive + 2), 1 / (negative + 2))
    slope, offset = 1.0, 0.0
    for _ in range(50):
        chance = 0.5 * (1 + np.tanh(0.5 * (slope * log_odds + offset)))
        error, curve = chance - targets, np.maximum(chance * (1 - chance), 1e-9)
        gradient = np.asarray([np.sum(error * log_odds), np.sum(error)])
        hessian = np.asarray(
            [[np.sum(curve * log_odds**2) + 1e-6, np.sum(curve * log_odds)], [np.sum(curve * log_odds), np.sum(curve)]]
        )
        step = np.linalg.solve(hessian, gradient)
        slope, offset = slope - float(np.clip(step[0], -1, 1)), offset - float(np.clip(step[1], -2, 2))
        if np.abs(step).max() < 1e-9:
            break
    return max(0.05, slope), offset
