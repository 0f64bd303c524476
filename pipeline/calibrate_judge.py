"""Fitting the judge on labels with truth: which damage is put where, and the file that comes of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from pipeline.judge_data import KnownClip, Labelled, Progress, Rate, Spec, cut, label_all
from qa.damage import ALL, MOST, ONE
from qa.judge import FITTED, Judge, is_good, samples_of
from qa.judge_fit import fit_judge
from stages.fuse import FuseConfig

COMMAND = "autoroto calibrate --truth DIR judge"
REGION_SIZES = (0.08, 0.16, 0.32)
SIZES: Mapping[str, tuple[float, ...]] = {
    "missed_region": REGION_SIZES,
    "over_segmentation": REGION_SIZES,
    "wrong_object": REGION_SIZES,
    "jagged_edge": (0.5, 0.75, 1.0),
    "lag": (1 / 12, 3 / 12, 6 / 12),
    "flicker": (0.15, 0.3, 0.5),
}
"""Sizes of each damage, see `qa.damage.damage_burst`."""
LASTING = ("lag", "flicker")
"""Damage that only a burst can have, and that is judged over the burst."""


def calibrate_judge(
    known: Sequence[KnownClip],
    config: FuseConfig,
    *,
    side: int,
    cache: Path,
    output: Path = FITTED,
    jobs: int = 1,
    progress: Progress = lambda done, total, name: None,
) -> Path:
    """Fit the judge on bursts of known truth and write it; returns the file.

    Labels are fused as `config` says: where that reads a file that was itself fitted on `known`, its labels are better
    here than elsewhere and the judge too trustful; give the labels of held-out fits instead (`fit_on`).

    Raises:
        ValueError: all labels are good, or none: there is nothing to learn.
    """
    labelled = labelled_for(known, config, side=side, cache=cache, jobs=jobs, progress=progress)
    judge = fit_on(labelled)
    judge.write(output)
    return output


def fit_on(labelled: Sequence[Labelled]) -> Judge:
    """The judge of these labels."""
    sets = sorted({one.collection for one in labelled})
    natural = sum(one.natural for one in labelled)
    return fit_judge(
        samples_of([one.example.signals for one in labelled]),
        np.asarray([one.example.good for one in labelled]),
        np.asarray([one.natural for one in labelled]),
        [one.group for one in labelled],
        fitted_on=f"{', '.join(sets)}: {natural} natural labels, {len(labelled) - natural} with injected errors",
        command=COMMAND,
    )


def labelled_for(
    known: Sequence[KnownClip],
    config: FuseConfig,
    *,
    side: int,
    cache: Path,
    jobs: int = 1,
    rate: Rate | None = None,
    draws: int = 1,
    progress: Progress = lambda done, total, name: None,
) -> list[Labelled]:
    """Natural labels of all bursts, and labels of the good ones with injected errors."""
    pieces = [piece for one in known for piece in cut(one)]
    label = partial(label_all, config=config, side=side, cache=cache, jobs=jobs, rate=rate, progress=progress)
    natural = label([(piece, Spec()) for piece in pieces])
    good = good_bursts(natural)
    sound = [piece for piece in pieces if piece.name in good]
    return natural + label(
        [(piece, spec) for number, piece in enumerate(sound) for spec in specs_for(piece, number, draws)]
    )


def good_bursts(labelled: Sequence[Labelled]) -> dict[str, tuple[float, float]]:
    """Bursts whose fused labels are good over the burst: name to mean IoU and mean boundary F."""
    bursts = defaultdict(list)
    for one in labelled:
        if not one.teacher:
            bursts[one.burst].append((one.example.iou, one.example.boundary_f))
    means = {name: tuple(np.mean(values, axis=0).tolist()) for name, values in bursts.items()}
    return {name: (mean[0], mean[1]) for name, mean in means.items() if is_good(*mean)}


def specs_for(piece: KnownClip, number: int, draws: int = 1) -> list[Spec]:
    """What is injected into the `number`-th good burst: sizes and shares take turns, `MOST` counts."""
    still = len(piece.clip) == 1
    specs = []
    for order, (kind, sizes) in enumerate(SIZES.items()):
        if kind not in LASTING:
            specs += [Spec(kind, sizes[(number + order + draw) % len(sizes)], MOST, draw) for draw in range(draws)]
            if (number + order) % 4 == 0:
                specs += [Spec(kind, sizes[-1], share) for share in (ONE, ALL)]
        elif not still:
            specs += [Spec(kind, size, MOST, draw) for size in sizes for draw in range(draws)]
            if (number + order) % 3 == 0:
                specs += [Spec(kind, sizes[-1], share) for share in (ONE, ALL)]
        elif number % 2 == 0:
            specs.append(Spec(kind, sizes[(number // 2 + order) % len(sizes)], MOST, 0, pan=True))
    if still and number % 2 == 0:
        specs.append(Spec(pan=True))
    return specs
