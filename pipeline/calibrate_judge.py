"""Fitting the judge on labels with truth: which damage is put where, and the file that comes of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from pipeline.calibration_data import Progress
from pipeline.folds import folds
from pipeline.judge_data import KnownClip, Labelled, Rate, Spec, cut, label_all
from qa.damage import ALL, MOST, ONE
from qa.expected_error import ExpectedError, held_areas
from qa.expected_error_fit import fit_expected_error
from qa.judge import Judge, samples_of
from qa.judge_fit import fit_judge
from qa.standard import is_good
from stages.fuse import FuseConfig

COMMAND = "autoroto calibrate --truth DIR judge"
REGION_SIZES = (0.08, 0.16, 0.32)
SIZES: Mapping[str, tuple[float, ...]] = {
    "missed_region": REGION_SIZES,
    "over_segmentation": REGION_SIZES,
    "wrong_object": REGION_SIZES,
    "jagged_edge": (1.0, 2.0, 3.5),
    "lag": (1 / 12, 3 / 12, 6 / 12),
    "flicker": (0.15, 0.3, 0.5),
}
"""Sizes of each damage, see `qa.damage.damage_burst`."""
LASTING = ("lag", "flicker")
"""Damage that only a burst can have, and that is judged over the burst."""
VIEW_DRAWS = 3
"""How often a region is damaged in a view, each time by another size: sets have few portraits, views most of them."""
PLATT_FOLDS = 5
"""Folds that Platt's numbers are fitted over; sources as always on one side only."""


def fit_on(labelled: Sequence[Labelled]) -> Judge:
    """The judge of these labels, made by fuses that did not see their sources.

    Raises:
        ValueError: all labels are good, or none: there is nothing to learn.
    """
    sets = ", ".join(sorted({one.collection for one in labelled}))
    natural, views = sum(one.natural for one in labelled), sum(one.viewed for one in labelled)
    injected = len(labelled) - natural
    dealt = folds(labelled, PLATT_FOLDS)
    judge = fit_judge(
        samples_of([one.example.signals for one in labelled]),
        np.asarray([one.example.good for one in labelled]),
        np.asarray([one.natural for one in labelled]),
        np.asarray([dealt[one.group] for one in labelled]),
        injected=np.asarray([one.spec.kind for one in labelled]),
        fused=np.asarray([not one.teacher for one in labelled]),
        fitted_on=f"{sets}: {natural} natural labels, {injected} with errors put in; {views} of all are of views",
        command=COMMAND,
    )
    return replace(judge, expected=expected_on([one for one in labelled if one.natural]))


def expected_on(natural: Sequence[Labelled]) -> ExpectedError:
    """How wrong labels are that nobody damaged: errors that were put in are as large as somebody chose."""
    signals = [one.example.signals for one in natural]
    return fit_expected_error(
        samples_of(signals),
        held_areas(signals),
        np.asarray([1 - one.example.iou for one in natural]),
        np.asarray([not one.teacher for one in natural]),
    )


def labelled_for(
    known: Sequence[KnownClip],
    configs: Mapping[str, FuseConfig],
    *,
    side: int,
    cache: Path,
    jobs: int = 1,
    rate: Rate | None = None,
    draws: Mapping[str, int] | None = None,
    progress: Progress = lambda done, total, name: None,
) -> list[Labelled]:
    """Natural labels of all bursts, and labels of the good ones with injected errors; `configs` as in `label_all`.

    `draws`: type of error to how often it is injected at each size, where not once.
    """
    pieces = [piece for one in known for piece in cut(one)]
    label = partial(label_all, configs=configs, side=side, cache=cache, jobs=jobs, rate=rate, progress=progress)
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


def specs_for(piece: KnownClip, number: int, draws: Mapping[str, int] | None = None) -> list[Spec]:
    """What is injected into the `number`-th good burst: sizes and shares take turns, `MOST` counts.

    A view, which is never measured, gets each error that a single frame can have, errors of regions at every size.
    """
    if piece.viewed:
        turn = number // (len(SIZES) - len(LASTING))
        return [
            Spec(kind, sizes[(turn + draw) % len(sizes)], MOST, draw)
            for kind, sizes in SIZES.items()
            if kind not in LASTING
            for draw in range(VIEW_DRAWS if sizes is REGION_SIZES else 1)
        ]
    still = len(piece.clip) == 1
    specs = []
    for order, (kind, sizes) in enumerate(SIZES.items()):
        times = range((draws or {}).get(kind, 1))
        if kind not in LASTING:
            specs += [Spec(kind, sizes[(number + order + draw) % len(sizes)], MOST, draw) for draw in times]
            if (number + order) % 4 == 0:
                specs += [Spec(kind, sizes[-1], share) for share in (ONE, ALL)]
        elif not still:
            specs += [Spec(kind, size, MOST, draw) for size in sizes for draw in times]
            if (number + order) % 3 == 0:
                specs += [Spec(kind, sizes[-1], share) for share in (ONE, ALL)]
        elif number % 2 == 0:
            specs.append(Spec(kind, sizes[(number // 2 + order) % len(sizes)], MOST, 0, pan=True))
    if still and number % 2 == 0:
        specs.append(Spec(pan=True))
    return specs
