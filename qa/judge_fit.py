"""Fitting the judge: trees on all labels with truth, calibration on the natural ones; no source on both sides."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qa.boosting import Samples
from qa.boosting_fit import Recipe, fit_boosted
from qa.judge import SIGNALS, Judge

FOLDS = 5

Flags = NDArray[np.bool_]
Vector = NDArray[np.float64]


def fit_judge(
    samples: Samples,
    good: Flags,
    natural: Flags,
    groups: Sequence[str],
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
        good: `(N,)` bool. natural: `(N,)` bool, nothing was injected. groups: N names of sources; one source is never
            on both sides of a fold. weights: `(N,)`, positive; by default natural and injected labels count the same in
            all.

    Raises:
        ValueError: all labels are good, or none.
    """
    recipe = recipe or Recipe()
    weights = balanced(natural) if weights is None else weights
    signs = list(SIGNALS.values())
    held_out = np.full(len(samples), np.nan)
    folds = folds_of(groups, FOLDS)
    for fold in range(FOLDS):
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


def folds_of(groups: Sequence[str], count: int, seed: int = 0) -> NDArray[np.intp]:
    """`(N,)` fold of each sample: shuffled groups are dealt, the largest first, to the fold that holds the least."""
    names, sizes = np.unique(np.asarray(groups), return_counts=True)
    shuffled = np.random.default_rng(seed).permutation(len(names))
    order = shuffled[np.argsort(-sizes[shuffled], kind="stable")]
    load = np.zeros(count)
    fold = {}
    for index in order:
        fold[names[index]] = int(np.argmin(load))
        load[fold[names[index]]] += sizes[index]
    return np.asarray([fold[group] for group in groups], np.intp)


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
