"""Figures of the comparison of weights: what the students' IoU adds up to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from rich.table import Table

Scores = dict[tuple[str, float, int], dict[str, float]]
"""(arm, level, seed) to the IoU on each set."""
Means = Mapping[tuple[str, float, int], float]
"""The same to one mean."""
APART = ("keyed",)
"""Sets of a kind that is not learnt from: their IoU is shown, and left out of every mean."""
MEAN = "mean over the frames"


def summarise(
    scores: Scores, arms: Sequence[str], levels: Sequence[float], frames: Mapping[str, int]
) -> dict[str, object]:
    """The line of JSON, for these arms and levels of damage (0 is the first); null for what was not run.

    `frames`: set to how many frames it has; in means every frame counts alike.
    """
    means = {key: over_frames(ious, frames) for key, ious in scores.items()}
    clean = _over_seeds(means, "uniform", 0.0)
    recovered: dict[str, float | None] = {}
    ious: dict[str, dict[str, float | None] | None] = {}
    for level in levels:
        found = {arm: _mean(_over_seeds(means, arm, level)) for arm in arms}
        run = any(mean is not None for mean in found.values())
        ious[str(level)] = found if run else None
        if level:
            recovered[str(level)] = _recovered(means, clean, level) if run else None
    worst = _over_seeds(means, "uniform", levels[-1])
    deviation = float(np.sqrt((clean.var(ddof=1) + worst.var(ddof=1)) / 2)) if len(clean) > 1 else 0.0
    gap = float(clean.mean() - worst.mean())
    return {"gap_recovered": recovered, "gap_sd": round(gap / deviation, 2) if deviation else None, "iou": ious}


def over_frames(ious: Mapping[str, float], frames: Mapping[str, int]) -> float:
    """Mean over all frames of the sets that are not `APART`."""
    sets = [name for name in ious if name not in APART]
    return float(np.average([ious[name] for name in sets], weights=[frames[name] for name in sets]))


def _recovered(means: Means, clean: np.ndarray, level: float) -> float:
    uniform, ours = (_over_seeds(means, arm, level).mean() for arm in ("uniform", "ours"))
    return round(float((ours - uniform) / (clean.mean() - uniform)), 3)


def _mean(values: np.ndarray) -> float | None:
    return round(float(values.mean()), 4) if len(values) else None


def _over_seeds(means: Means, arm: str, level: float) -> np.ndarray:
    """The mean of every seed."""
    return np.array([mean for key, mean in sorted(means.items()) if key[:2] == (arm, level)])


def tables(scores: Scores, arms: Sequence[str], levels: Sequence[float], frames: Mapping[str, int]) -> list[Table]:
    """The curve: an arm's IoU (mean and standard deviation over seeds) at every level; the same for each set."""
    sets = list(next(iter(scores.values())))
    found = []
    for name in (MEAN, *sets):
        table = Table("learnt from", *(f"{level:.0%} damaged" for level in levels), title=name)
        for arm in arms:
            cells = []
            for level in levels:
                ious = [
                    over_frames(values, frames) if name == MEAN else values[name]
                    for key, values in scores.items()
                    if key[:2] == (arm, level)
                ]
                deviation = np.std(ious, ddof=1) if len(ious) > 1 else float("nan")
                cells.append(f"{np.mean(ious):.4f} ± {deviation:.4f}" if ious else "")
            table.add_row(arm, *cells)
        found.append(table)
    return found
