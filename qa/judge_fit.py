"""Fitting the judge: a model of good labels, detectors of errors, calibration; no source on both sides."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from qa.boosting import Boosted, Samples
from qa.boosting_fit import Recipe, fit_boosted
from qa.judge import SIGNALS, Judge, combined

Flags = NDArray[np.bool_]
Kinds = NDArray[np.str_]
Vector = NDArray[np.float64]

QUALITY = Recipe()
DETECTOR = Recipe(trees=150, rate=0.08, ridge=8.0, bins=64)
"""Few labels are spoilt by each error: more pull. What is rare lies in the tails of signals: more thresholds."""


def fit_judge(
    samples: Samples,
    good: Flags,
    natural: Flags,
    folds: NDArray[np.intp],
    *,
    injected: Kinds | None = None,
    fused: Flags | None = None,
    recipe: Recipe = QUALITY,
    fitted_on: str = "",
    command: str = "",
) -> Judge:
    """A judge from `(N, F)` samples with the columns of `SIGNALS`.

    The model of good labels sees all; natural and injected labels count the same in all. A detector sees the labels
    that an injection of its error spoilt, and the fused labels without any injection, good and bad ones: it is to tell
    its error from what else is wrong. How often labels are wrong is to be learnt from the natural ones alone: Platt's
    two numbers are fitted to the log-odds that held-out folds give them.

    Args:
        good: `(N,)` bool. natural: `(N,)` bool, nothing was done to it. folds: `(N,)` fold of each sample; a source
            lies in one fold. injected: `(N,)` type of the injected error or "". fused: `(N,)` bool, false for raw votes
            taken as labels. Without these two there are no detectors.

    Raises:
        ValueError: all labels are good, or none.
    """
    injected = np.full(len(samples), "") if injected is None else injected
    fused = np.ones(len(samples), np.bool_) if fused is None else fused
    given = _Given(samples, good, natural, injected, fused)
    held_out = np.full(len(samples), np.nan)
    for fold in np.unique(folds):
        test, rest = folds == fold, folds != fold
        if 0 < np.count_nonzero(good[rest]) < np.count_nonzero(rest):
            model, detectors = given.part(rest).fit(recipe)
            errors = [one.log_odds(samples[test]) for one in detectors.values()]
            held_out[test] = combined(model.log_odds(samples[test]), errors)
    known = natural & ~np.isnan(held_out)
    slope, offset = platt(held_out[known], good[known])
    model, detectors = given.fit(recipe)
    return Judge(tuple(SIGNALS), model, detectors, slope, offset, fitted_on, command)


@dataclass(frozen=True)
class _Given:
    """What a judge is fitted on, see `fit_judge`."""

    samples: Samples
    good: Flags
    natural: Flags
    injected: Kinds
    fused: Flags

    def part(self, chosen: Flags) -> _Given:
        return _Given(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def fit(self, recipe: Recipe) -> tuple[Boosted, dict[str, Boosted]]:
        """The model of good labels, and a detector of each type of error that spoilt a label."""
        signs = list(SIGNALS.values())
        model = fit_boosted(self.samples, self.good, balanced(self.natural), signs, recipe)
        calm = self.fused & (self.injected == "")
        detectors = {}
        for kind in sorted(set(self.injected[~self.good].tolist()) - {""}):
            spoilt = (self.injected == kind) & ~self.good
            seen = calm | spoilt
            if calm.any():
                aims = spoilt[seen]
                detectors[kind] = fit_boosted(
                    self.samples[seen], aims, balanced(aims), [-sign for sign in signs], DETECTOR
                )
        return model, detectors


def balanced(ones: Flags) -> Vector:
    """Weights that let the two kinds of labels count the same in all."""
    share = float(np.mean(ones))
    if share in (0.0, 1.0):
        return np.ones(len(ones))
    return np.where(ones, 0.5 / share, 0.5 / (1 - share))


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
