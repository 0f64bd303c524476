"""Boosted monotone trees: a small model of the log-odds, read from and written to JSON, evaluated with NumPy alone.

The trees are oblivious (every level asks one question, the same for all its nodes), so a tree of depth D is D questions
and 2^D values, and looking a sample up is arithmetic. See `boosting_fit` for how they are fitted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float64]
"""`(N, F)` float64: one row a sample, one column a signal, NaN where a signal is missing."""


@dataclass(frozen=True)
class Tree:
    """One oblivious tree.

    Attributes:
        columns: the D signals asked about. thresholds: the answer is 1 above. missing: the answer, 0 or 1, for NaN.
        values: 2^D additions to the log-odds; the first question is the highest bit of the index.
    """

    columns: tuple[int, ...]
    thresholds: tuple[float, ...]
    missing: tuple[int, ...]
    values: tuple[float, ...]

    def leaves(self, samples: Samples) -> NDArray[np.intp]:
        """`(N,)` index of each sample's value."""
        index: NDArray[np.intp] = np.zeros(len(samples), np.intp)
        for column, threshold, missing in zip(self.columns, self.thresholds, self.missing, strict=True):
            value = samples[:, column]
            index = 2 * index + np.where(np.isnan(value), missing, value > threshold).astype(np.intp)
        return index


@dataclass(frozen=True)
class Boosted:
    """Sum of trees: `(N, F)` samples to `(N,)` log-odds."""

    start: float
    trees: tuple[Tree, ...]

    def log_odds(self, samples: Samples) -> NDArray[np.float64]:
        """`(N,)` float64."""
        if not self.trees:
            return np.full(len(samples), self.start)
        columns, thresholds, missing, values = self._stacked
        asked = samples[:, columns]  # (N, T, D)
        answers = np.where(np.isnan(asked), missing, asked > thresholds)
        leaves = answers @ (1 << np.arange(columns.shape[1])[::-1])
        return np.asarray(self.start + values[np.arange(len(values)), leaves].sum(axis=1), np.float64)

    @cached_property
    def _stacked(self) -> tuple[NDArray[np.intp], NDArray[np.float64], NDArray[np.intp], NDArray[np.float64]]:
        """All trees at once: columns, thresholds and missing `(T, D)`, values `(T, 2^D)`.

        A tree that ends early asks on, to no effect: nothing is above infinity.
        """
        depth = max(len(tree.columns) for tree in self.trees)
        more = [depth - len(tree.columns) for tree in self.trees]
        columns = [(*tree.columns, *(0,) * rest) for tree, rest in zip(self.trees, more, strict=True)]
        thresholds = [(*tree.thresholds, *(np.inf,) * rest) for tree, rest in zip(self.trees, more, strict=True)]
        missing = [(*tree.missing, *(0,) * rest) for tree, rest in zip(self.trees, more, strict=True)]
        values = [np.repeat(tree.values, 2**rest) for tree, rest in zip(self.trees, more, strict=True)]
        return np.asarray(columns, np.intp), np.asarray(thresholds), np.asarray(missing, np.intp), np.stack(values)

    def as_json(self) -> dict[str, Any]:
        """Plain lists and numbers; `from_json` gives the same model back, to the last bit."""
        trees = [[list(t.columns), list(t.thresholds), list(t.missing), list(t.values)] for t in self.trees]
        return {"start": self.start, "trees": trees}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Boosted:
        """The model that `as_json` wrote.

        Raises:
            KeyError, ValueError: the values are not such a model.
        """
        return cls(float(values["start"]), tuple(_tree(*parts) for parts in values["trees"]))


def averaged(models: Sequence[Boosted]) -> Boosted:
    """One model whose log-odds are the mean of theirs."""
    trees = (
        replace(tree, values=tuple(value / len(models) for value in tree.values))
        for one in models
        for tree in one.trees
    )
    return Boosted(sum(one.start for one in models) / len(models), tuple(trees))


def sigmoid(log_odds: NDArray[np.float64]) -> NDArray[np.float64]:
    """`1 / (1 + exp(−x))`, without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * log_odds)), np.float64)


def _tree(columns: Sequence[int], thresholds: Sequence[float], missing: Sequence[int], values: Sequence[float]) -> Tree:
    if not len(columns) == len(thresholds) == len(missing) or len(values) != 2 ** len(columns):
        raise ValueError(f"a tree of {len(columns)} questions needs {2 ** len(columns)} values, got {len(values)}")
    return Tree(tuple(columns), tuple(thresholds), tuple(missing), tuple(values))
