"""Fitting the judge of imported masks on masks of which it is known whether they are damaged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qa.annotations import SIGNS, AnnotationJudge, doubt
from qa.logistic_fit import fit_logistic

COMMAND = "autoroto calibrate --truth DIR annotations"
DOUBTED = 0.05
"""Share of the good masks of the fit that the threshold lets a judge doubt."""
RIDGE = 3.0
"""See `fit_logistic`."""


@dataclass(frozen=True)
class AnnotationSample:
    """One imported mask.

    Attributes:
        collection: name of its set. source: a photo or a sequence: never on both sides of a fit.
        signals: of `qa.annotation_signals`; empty where nobody voted. bad: it is damaged.
    """

    collection: str
    source: str
    signals: Mapping[str, float]
    bad: bool


def fit_annotation_judge(samples: Sequence[AnnotationSample]) -> AnnotationJudge:
    """The logistic, with the threshold that doubts `DOUBTED` of the good masks. Every set counts alike.

    Raises:
        ValueError: no samples with signals, or a set without good ones.
    """
    known = [one for one in samples if one.signals]
    names = sorted({one.collection for one in known})
    sizes = {name: sum(one.collection == name for one in known) for name in names}
    weights = [len(known) / len(sizes) / sizes[one.collection] for one in known]
    signals = [one.signals for one in known]
    logistic = fit_logistic(signals, [float(one.bad) for one in known], SIGNS, ridge=RIDGE, weights=weights)
    judge = AnnotationJudge(logistic=logistic, doubt_from=0.5, fitted_on=_described(known), refit=COMMAND)
    limits = []
    for name in names:
        good = [doubt(one.signals, judge) for one in known if one.collection == name and not one.bad]
        if not good:
            raise ValueError(f"set {name} has no good mask, so nobody can tell how many would be doubted; add frames")
        limits.append(float(np.quantile(good, 1 - DOUBTED)))
    return judge.model_copy(update={"doubt_from": round(float(np.mean(limits)), 4)})


def _described(known: Sequence[AnnotationSample]) -> str:
    names = sorted({one.collection for one in known})
    parts = [f"{name}: {len({one.source for one in known if one.collection == name})} sources" for name in names]
    return "; ".join(parts) + f"; {len(known)} masks, {sum(one.bad for one in known)} of them damaged"
