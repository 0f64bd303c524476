"""Figures drawn from judged labels: AUROC of each error, calibration error, how often the error is named."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.calibrate_judge import LASTING, SIZES
from pipeline.judge_data import Labelled
from qa.damage import MOST
from qa.standard import is_good

BINS = 10
KINDS = (*SIZES, "natural")

Flags = NDArray[np.bool_]
Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Judged:
    """A label with what a judge that was not fitted on it says.

    Attributes:
        chance: P(good). error: the likeliest error.
        was_good: the burst was good before anything was injected; was_good_frame: this very label.
    """

    labelled: Labelled
    chance: float
    error: str
    was_good: bool
    was_good_frame: bool


def separations(judged: Sequence[Judged], *, by: str = "judge", kinds: Sequence[str] = KINDS) -> dict[str, float]:
    """AUROC of each type by the judge's doubt, or by cleanlab's (`by="cleanlab"`); NaN without both kinds of labels."""
    return {kind: auroc(*compared(judged, kind, by=by)) for kind in kinds}


def compared(judged: Sequence[Judged], kind: str, *, by: str = "judge") -> tuple[Flags, Vector]:
    """What is told apart: `(N,)` true where bad, and `(N,)` doubt.

    `natural`: every natural label. Lasting errors: bursts. Else frames. See the benchmark's own description.
    """
    if kind == "natural":
        chosen = [one for one in judged if one.labelled.natural]
        return (
            np.asarray([not one.labelled.example.good for one in chosen], np.bool_),
            np.asarray([_doubt(one, by) for one in chosen]),
        )
    if kind in LASTING:
        return _compared_bursts(judged, kind, by)
    bad, doubt = [], []
    for one in judged:
        spec = one.labelled.spec
        if one.labelled.natural and not one.labelled.teacher and one.labelled.example.good:
            bad.append(False)
        elif spec.kind == kind and spec.share == MOST and one.was_good_frame and not one.labelled.example.good:
            bad.append(True)
        else:
            continue
        doubt.append(_doubt(one, by))
    return np.asarray(bad, np.bool_), np.asarray(doubt)


def _compared_bursts(judged: Sequence[Judged], kind: str, by: str) -> tuple[Flags, Vector]:
    bursts = defaultdict(list)
    for one in judged:
        spec = one.labelled.spec
        if not one.labelled.teacher and (not spec.kind or (spec.kind == kind and spec.share == MOST)):
            bursts[one.labelled.burst, spec].append(one)
    bad, doubt = [], []
    for (_, spec), frames in bursts.items():
        if len(frames) < 2 or not frames[0].was_good:
            continue
        means = np.mean([(one.labelled.example.iou, one.labelled.example.boundary_f) for one in frames], axis=0)
        good = is_good(*means.tolist())
        if bool(spec.kind) == good:  # an injection that left the burst good is reported apart
            continue
        bad.append(not good)
        doubt.append(float(np.mean([_doubt(one, by) for one in frames])))
    return np.asarray(bad, np.bool_), np.asarray(doubt)


def _doubt(one: Judged, by: str) -> float:
    return 1 - (one.chance if by == "judge" else one.labelled.example.rated)


def auroc(bad: Flags, doubt: Vector) -> float:
    """Chance that a bad label is doubted more than a good one, ties counting one half (Mann and Whitney)."""
    positive, negative = int(np.count_nonzero(bad)), int(np.count_nonzero(~bad))
    if not positive or not negative:
        return float("nan")
    _, inverse, counts = np.unique(doubt, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[bad].sum() - positive * (positive + 1) / 2) / (positive * negative))


def calibration_error(judged: Sequence[Judged], bins: int = BINS) -> float:
    """ECE: mean over equal-mass bins of |mean probability − share of good labels|."""
    chance = np.asarray([one.chance for one in judged])
    good = np.asarray([one.labelled.example.good for one in judged], np.float64)
    order = np.argsort(chance, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    return float(sum(len(part) * abs(chance[part].mean() - good[part].mean()) for part in parts) / len(order))


def named(spoilt: Sequence[Judged]) -> float:
    """Share of the spoilt labels whose error is named by the type that was injected."""
    return float(np.mean([one.error == one.labelled.spec.kind for one in spoilt]))


def positives(judged: Sequence[Judged]) -> dict[str, int]:
    """How many labels (or bursts) of each type the injection into most votes spoilt; for `natural`, are not good."""
    return {kind: int(np.count_nonzero(compared(judged, kind)[0])) for kind in KINDS}
