"""Fitting how much of a label is expected to be wrong, on labels with truth that nobody damaged."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from qa.boosting import Samples, averaged, sigmoid
from qa.boosting_fit import Recipe, fit_boosted
from qa.expected_error import ExpectedError
from qa.judge import SIGNALS

Vector = NDArray[np.float64]

RECIPE = Recipe(trees=100, least=0.3)
"""`least` counts second derivatives, of which a label with an error near 0 has little: .3 are some six labels."""
FITS = 4
"""Fits by other draws of signals, averaged: one alone ranks the worst labels by luck."""


def fit_expected_error(samples: Samples, held: Vector, errors: Vector, fused: NDArray[np.bool_]) -> ExpectedError:
    """The expectation of `errors` from `(N, F)` samples with the columns of `SIGNALS`.

    Trees are fitted to the errors as to chances (fractional logit: L. Papke and J. Wooldridge, "Econometric Methods for
    Fractional Response Variables", 1996), then the share of held areas to what they leave, by least squares.

    Args:
        held: `(N,)` signal `held_area`. errors: `(N,)` 1 − IoU with truth, 0-1.
        fused: `(N,)` bool, false for raw votes taken as labels, whose held areas are another teacher's.

    Raises:
        ValueError: all errors are alike: there is nothing to learn.
    """
    signs = [-sign for sign in SIGNALS.values()]
    recipes = [replace(RECIPE, seed=seed) for seed in range(FITS)]
    model = averaged([fit_boosted(samples, errors, np.ones(len(errors)), signs, recipe) for recipe in recipes])
    left, area = (errors - sigmoid(model.log_odds(samples)))[fused], held[fused]
    share = float(np.sum(area * left)) / max(float(np.sum(area**2)), 1e-9)
    return ExpectedError(model, min(max(share, 0.0), 1.0))
