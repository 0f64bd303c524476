"""Fitting of boosted monotone oblivious trees by Newton steps on the logistic loss, with NumPy alone.

Sources: gradient boosting with second derivatives, T. Chen and C. Guestrin, "XGBoost", KDD 2016, equations 5-7;
oblivious trees, L. Prokhorenkova et al., "CatBoost", NeurIPS 2018.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qa.boosting import Boosted, Samples, Tree, sigmoid

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Recipe:
    """How trees are grown.

    Attributes:
        trees, depth: how many, and questions each. rate: share of a Newton step that each tree takes.
        ridge: pull of every value towards 0, in units of the loss's second derivative.
        bins: thresholds tried a signal, at quantiles. columns: share of the signals that each tree may ask about.
        least: second derivative that both sides of a question need over all leaves. seed: of the choice of signals.
    """

    trees: int = 200
    depth: int = 3
    rate: float = 0.06
    ridge: float = 3.0
    bins: int = 24
    columns: float = 0.5
    least: float = 4.0
    seed: int = 0


def fit_boosted(
    samples: Samples, targets: NDArray[np.bool_] | Vector, weights: Vector, signs: Sequence[int], recipe: Recipe
) -> Boosted:
    """Log-odds of `targets` `(N,)` from samples `(N, F)`, monotone in the signals with a sign.

    Args:
        targets: bool, or shares 0-1, whose mean is learnt as a chance. weights: `(N,)`, positive.
        signs: per signal 1 (more never lowers the odds), -1 (never raises) or 0 (free).

    Raises:
        ValueError: the targets are all alike: there is nothing to learn.
    """
    if np.all(targets == targets[0]):
        raise ValueError("the judge needs good labels and bad ones to learn from; add audited frames of the other kind")
    weights = weights / weights.mean()
    edges = [_edges(samples[:, column], recipe.bins) for column in range(samples.shape[1])]
    binned = np.stack([_binned(samples[:, column], edges[column]) for column in range(samples.shape[1])], axis=1)
    share = float(np.average(targets, weights=weights))
    start = float(np.log(share / (1 - share)))
    total = np.full(len(samples), start)
    rng = np.random.default_rng(recipe.seed)
    trees = []
    for _ in range(recipe.trees):
        chance = sigmoid(total)
        gradient, curvature = weights * (targets - chance), weights * np.maximum(chance * (1 - chance), 1e-6)
        count = max(1, round(recipe.columns * samples.shape[1]))
        allowed = np.sort(rng.permutation(samples.shape[1])[:count])
        tree = _grown(binned, edges, gradient, curvature, signs, allowed, recipe)
        if not tree.columns:
            continue
        trees.append(tree)
        total += np.asarray(tree.values)[tree.leaves(samples)]
    return Boosted(start, tuple(trees))


def _edges(values: Vector, bins: int) -> Vector:
    """Thresholds between quantiles of what is not missing."""
    known = values[~np.isnan(values)]
    if not known.size:
        return np.empty(0)
    points = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1), method="nearest"))
    return np.asarray((points[1:] + points[:-1]) / 2, np.float64)


def _binned(values: Vector, edges: Vector) -> NDArray[np.intp]:
    """0 for missing, else 1 + the number of thresholds below."""
    return np.where(np.isnan(values), 0, 1 + np.searchsorted(edges, values, side="left")).astype(np.intp)


def _grown(
    binned: NDArray[np.intp],
    edges: Sequence[Vector],
    gradient: Vector,
    curvature: Vector,
    signs: Sequence[int],
    allowed: NDArray[np.intp],
    recipe: Recipe,
) -> Tree:
    leaf: NDArray[np.intp] = np.zeros(len(binned), np.intp)
    questions: list[tuple[int, int, int]] = []
    thresholds = np.asarray([len(edges[column]) for column in allowed])
    directions = np.asarray([signs[column] for column in allowed])
    cells = binned[:, allowed]
    for level in range(recipe.depth):
        gain, index, threshold, missing = _best_question(
            cells, thresholds, leaf, 2**level, gradient, curvature, directions, recipe
        )
        if gain <= 1e-9:
            break
        questions.append((int(allowed[index]), threshold, missing))
        value = cells[:, index]
        leaf = 2 * leaf + np.where(value == 0, missing, value > threshold + 1).astype(np.intp)
    count = 2 ** len(questions)
    mass, pull = (np.asarray(np.bincount(leaf, part, count), np.float64) for part in (curvature, gradient))
    values = _ordered(recipe.rate * pull / (mass + recipe.ridge), mass, [signs[column] for column, _, _ in questions])
    return Tree(
        tuple(column for column, _, _ in questions),
        tuple(float(edges[column][threshold]) for column, threshold, _ in questions),
        tuple(missing for _, _, missing in questions),
        tuple(float(value) for value in values),
    )


def _best_question(
    cells: NDArray[np.intp],
    thresholds: NDArray[np.intp],
    leaf: NDArray[np.intp],
    leaves: int,
    gradient: Vector,
    curvature: Vector,
    signs: NDArray[np.intp],
    recipe: Recipe,
) -> tuple[float, int, int, int]:
    """Gain, column, threshold's index and answer for missing of the best question about any of the columns.

    Args:
        cells: `(N, C)` as `_binned`. thresholds: `(C,)`, how many a column has. signs: `(C,)`.
    """
    columns, width = cells.shape[1], int(thresholds.max(initial=0)) + 2
    if width == 2:
        return 0.0, 0, 0, 0
    flat = ((np.arange(columns) * leaves + leaf[:, None]) * width + cells).ravel()
    pull, mass = (
        np.bincount(flat, np.repeat(part, columns), columns * leaves * width).reshape(columns, leaves, width)
        for part in (gradient, curvature)
    )
    whole_pull, whole_mass = pull.sum(axis=2, keepdims=True), mass.sum(axis=2, keepdims=True)
    parent = whole_pull**2 / (whole_mass + recipe.ridge)
    # Column 0 of the cells holds the missing; "below" sums up to each threshold.
    below_pull, below_mass = (np.cumsum(part[:, :, 1:], axis=2)[:, :, :-1] for part in (pull, mass))
    exists = np.arange(width - 2) < thresholds[:, None]
    sign = signs[:, None, None]
    best = 0.0, 0, 0, 0
    for missing in (0, 1) if mass[:, :, 0].any() else (0,):
        low_pull, low_mass = below_pull, below_mass
        if not missing:
            low_pull, low_mass = low_pull + pull[:, :, :1], low_mass + mass[:, :, :1]
        high_pull, high_mass = whole_pull - low_pull, whole_mass - low_mass
        low, high = low_pull / (low_mass + recipe.ridge), high_pull / (high_mass + recipe.ridge)
        gain = np.where(sign * (high - low) >= 0, low_pull * low + high_pull * high - parent, 0.0)
        total = gain.sum(axis=1)
        total[(low_mass.sum(axis=1) < recipe.least) | (high_mass.sum(axis=1) < recipe.least) | ~exists] = 0
        index = int(np.argmax(total))
        if total.ravel()[index] > best[0]:
            column, threshold = divmod(index, width - 2)
            best = (float(total.ravel()[index]), column, threshold, missing)
    return best


def _ordered(values: Vector, mass: Vector, signs: Sequence[int]) -> Vector:
    """The values made monotone along every question with a sign: violating neighbours are averaged by mass."""
    depth = len(signs)
    cube, mass = values.reshape((2,) * depth).copy(), mass.reshape((2,) * depth) + 1e-9
    for sweep in range(60):
        worst = 0.0
        for axis, sign in enumerate(signs):
            if not sign:
                continue
            low, high = np.take(cube, 0, axis), np.take(cube, 1, axis)
            bad = sign * (high - low) < 0
            if not bad.any():
                continue
            worst = max(worst, float(np.abs(high - low)[bad].max()))
            low_mass, high_mass = np.take(mass, 0, axis), np.take(mass, 1, axis)
            middle = (low * low_mass + high * high_mass) / (low_mass + high_mass)
            if sweep < 40:
                low, high = np.where(bad, middle, low), np.where(bad, middle, high)
            elif sign > 0:  # averaging only converges; what little is left is lifted, which ends
                high = np.maximum(low, high)
            else:
                low = np.maximum(low, high)
            cube = np.stack([low, high], axis=axis)
        if worst == 0.0:
            break
    return cube.ravel()
