"""Are bad annotations found, and how much better are the labels once they are cleaned?

True masks are damaged as annotators and old models do it (10, 30 and 50 % of them, every type equally often, whole
clips among them, each with an IoU of .5 to .94 with truth and more than a third of them above .8) and imported as
`annotation`. The pipeline judges every mask by the other teachers' votes, the picture and its neighbours in time
(`qa.annotations`), keeps what it does not doubt and replaces the rest by the fused label, in which the mask has had its
vote. Truth takes no part in that.

The judge that decides on a frame is fitted without that frame's source (a photo, a sequence; `cross`) or without its
whole set (`left_out`); the keyed clip is in no fit. All at label size. The last line is JSON: shares over all frames of
all sets, mean of the seeds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from annotated import Annotated, imported
from fused import TEST_ONLY, FusedSets, Labelled, fold_of_source, label_mask
from rich.console import Console
from rich.table import Table
from truth import truth_parser

from pipeline.calibrate_annotations import DRAWS
from pipeline.params import Params, load_params
from pipeline.progress import stage_progress
from qa.annotation_fit import AnnotationSample, fit_annotation_judge
from qa.annotation_signals import annotation_signals
from qa.annotation_views import with_masks
from qa.annotations import AnnotationJudge, doubt
from qa.metrics import iou
from qa.view import View, view_of

ROOT = Path(__file__).resolve().parents[1]
SHARES = (0.1, 0.3, 0.5)
SEEDS = (0, 1)
"""Of the damage that is measured; the draws that judges are fitted on are `DRAWS`."""


@dataclass(frozen=True)
class Judged:
    """One imported mask with all that the measurement needs.

    Attributes:
        sample: its set, source and signals. kind: the damage, or "".
        before: 1 − IoU of the mask with truth. fused: that of the label it would be replaced by.
    """

    sample: AnnotationSample
    kind: str
    before: float
    fused: float


def main() -> None:
    """Measure, print tables, and one line of JSON."""
    options = _options()
    cv2.setNumThreads(1)
    console = Console(stderr=not os.isatty(1))
    params = load_params(options.params)
    sets = FusedSets(params, options.cache)
    bursts = list(sets.read(options.truth))
    judging = Judging(sets, params)
    fittable = [burst for burst in bursts if burst.set_name not in TEST_ONLY]
    fitting = [
        one.sample
        for share, seed in DRAWS[: 1 if options.quick else None]
        for one in judging.all(fittable, share, seed, fused=False)
    ]
    seeds = SEEDS[:1] if options.quick else SEEDS
    with stage_progress("labels that heard the masks", console) as progress:
        heard = [one.heard() for share in SHARES for seed in seeds for one in annotated(bursts, share, seed)]
        sets.fill(heard, options.jobs, progress)
    measured = {share: [judging.all(bursts, share, seed) for seed in seeds] for share in SHARES}
    reports = {}
    for way in ("cross", "left_out"):
        judges = fit_judges(fitting, way)
        found = {share: [outcome(run, judges, way) for run in runs] for share, runs in measured.items()}
        reports[way] = {
            name: {str(share): _mean([one[name] for one in runs]) for share, runs in found.items()}
            for name in ("found", "false_doubt", "error_before", "error_after")
        }
        for share, runs in measured.items():
            console.print(_table(f"{way}, {share:.0%} damaged", [one for run in runs for one in run], judges, way))
    print(json.dumps({**reports["cross"], "left_out": reports["left_out"]}))


class Judging:
    """Judges bursts with imported masks. What was computed of a burst is kept: most masks are the same in every run."""

    def __init__(self, sets: FusedSets, params: Params) -> None:
        self._sets, self._side = sets, params.score.side
        self._views: dict[int, list[View]] = {}
        self._signals: dict[tuple[int, str], list[dict[str, float]]] = {}

    def all(self, bursts: Sequence[Labelled], share: float, seed: int, *, fused: bool = True) -> list[Judged]:
        """All frames of the bursts, with `share` of each set's masks damaged.

        Without `fused` the label that would replace a mask has not heard it: the error of that label is then not the
        pipeline's, and of no use but to a fit, which does not look at it.
        """
        return [one for burst in annotated(bursts, share, seed) for one in self._judged(burst, fused=fused)]

    def _judged(self, burst: Annotated, *, fused: bool) -> list[Judged]:
        labelled = burst.labelled
        labels = self._sets.fuse(burst.heard()) if fused else labelled.clip.labels
        return [
            Judged(
                AnnotationSample(labelled.set_name, labelled.source, signals, bool(kind)),
                kind,
                1 - iou(mask, truth),
                1 - iou(label_mask(label, truth), truth),
            )
            for kind, signals, mask, truth, label in zip(
                burst.kinds, self._signals_of(burst), burst.masks, labelled.truths, labels, strict=True
            )
        ]

    def _signals_of(self, burst: Annotated) -> list[dict[str, float]]:
        name = id(burst.labelled)
        key = name, hashlib.sha256(b"".join(mask.tobytes() for mask in burst.masks)).hexdigest()
        if name not in self._views:
            clip = burst.labelled.clip
            self._views[name] = [view_of(clip, index, side=self._side) for index in range(len(clip))]
        if key not in self._signals:
            self._signals[key] = annotation_signals(with_masks(self._views[name], burst.masks))
        return self._signals[key]


def annotated(bursts: Sequence[Labelled], share: float, seed: int) -> list[Annotated]:
    """All bursts with their masks imported, `share` of each set's masks damaged."""
    found = []
    for name in sorted({burst.set_name for burst in bursts}):
        chosen = [burst for burst in bursts if burst.set_name == name]
        found += imported(chosen, share, np.random.default_rng([seed, round(100 * share)]))
    return found


def fold_of(one: AnnotationSample, way: str) -> str:
    """What a judge must not have seen to decide on this mask, see `fused.fold_of_source`."""
    return fold_of_source(one.collection, one.source, way)


def fit_judges(fitting: Sequence[AnnotationSample], way: str) -> dict[str, AnnotationJudge]:
    """Fold to the judge fitted without it; `""` to the one fitted on all, for sets that are in no fit."""
    folds = sorted({fold_of(one, way) for one in fitting})
    judges = {fold: fit_annotation_judge([one for one in fitting if fold_of(one, way) != fold]) for fold in folds}
    return judges | {"": fit_annotation_judge(fitting)}


def doubted(one: Judged, judges: Mapping[str, AnnotationJudge], way: str) -> bool:
    """The decision on a mask, by a judge that has not seen its like. A mask that nobody can judge is kept."""
    judge, signals = judges.get(fold_of(one.sample, way), judges[""]), one.sample.signals
    return bool(signals) and doubt(signals, judge) >= judge.doubt_from


def outcome(run: Sequence[Judged], judges: Mapping[str, AnnotationJudge], way: str) -> dict[str, float]:
    """Shares found and wrongly doubted, and the mean label error before and after."""
    verdicts = [doubted(one, judges, way) for one in run]
    return {
        "found": float(np.mean([verdict for verdict, one in zip(verdicts, run, strict=True) if one.kind])),
        "false_doubt": float(np.mean([verdict for verdict, one in zip(verdicts, run, strict=True) if not one.kind])),
        "error_before": float(np.mean([one.before for one in run])),
        "error_after": float(
            np.mean([one.fused if verdict else one.before for verdict, one in zip(verdicts, run, strict=True)])
        ),
    }


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 4)


def _table(title: str, run: Sequence[Judged], judges: Mapping[str, AnnotationJudge], way: str) -> Table:
    """By set and by type; found by IoU of the damaged mask."""
    table = Table("masks", "count", "found", "wrongly doubted", "error before", "after", title=title)
    sets = sorted({one.sample.collection for one in run})
    groups = {name: [one for one in run if one.sample.collection == name] for name in sets}
    groups |= {kind: [one for one in run if one.kind == kind] for kind in sorted({one.kind for one in run} - {""})}
    damaged = [one for one in run if one.kind]
    for low, high in ((0.5, 0.65), (0.65, 0.8), (0.8, 0.88), (0.88, 0.94)):
        groups[f"IoU {low}-{high}"] = [one for one in damaged if low <= 1 - one.before < high]
    for name, part in {"all": list(run), **groups}.items():
        verdicts = [doubted(one, judges, way) for one in part]
        bad = [verdict for verdict, one in zip(verdicts, part, strict=True) if one.kind]
        good = [verdict for verdict, one in zip(verdicts, part, strict=True) if not one.kind]
        after = [one.fused if verdict else one.before for verdict, one in zip(verdicts, part, strict=True)]
        shown = [f"{np.mean(values):.3f}" if values else "" for values in (bad, good, [p.before for p in part], after)]
        table.add_row(name, str(len(part)), *shown)
    return table


def _options() -> argparse.Namespace:
    parser = truth_parser(__doc__, needed=False)
    parser.add_argument("--quick", action="store_true", help="one seed of each damage")
    return parser.parse_args()


if __name__ == "__main__":
    main()
