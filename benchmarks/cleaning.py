"""Are bad annotations found, and how much better are the labels once they are cleaned?

True masks are damaged as annotators and old models do it (10, 30 and 50 % of them, every type equally often, whole
clips among them, each with an IoU of .5 to .94 with truth and more than a third of them above .8) and imported as
`annotation`. The pipeline judges every mask by the other teachers' votes, the picture and its neighbours in time
(`qa.annotations`), keeps what it does not doubt and replaces the rest by the fused label. Truth takes no part in that.

The judge that decides on a frame is fitted without that frame's source (a photo, a sequence; `cross`) or without its
whole set (`left_out`); the keyed clip is in no fit. All at label size. The last line is JSON: shares over all frames of
all sets, mean of the seeds.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from annotated import Annotated, annotate
from fused import STILLS, FusedSets, Labelled
from rich.console import Console
from rich.table import Table
from truth import DEFAULT

from datasets.images import Grey, decode_grey
from datasets.schema import LabelRow
from pipeline.params import Params, load_params
from qa.annotation_signals import annotation_signals
from qa.annotations import SIGNS, AnnotationJudge, doubt, replacement
from qa.logistic_fit import fit_logistic
from qa.metrics import Mask, as_mask, iou
from qa.view import View, view_of

ROOT = Path(__file__).resolve().parents[1]
SHARES = (0.1, 0.3, 0.5)
SEEDS = (0, 1)
"""Of the damage that is measured."""
FIT_SEEDS = tuple(range(100, 104))
"""Of the damage that judges are fitted on."""
FIT_SHARES = (0.3, 0.5)
DOUBTED = 0.05
"""Share of the good masks of the fit that the threshold lets a judge doubt."""
FOLDS = 5
"""Parts the photos of a set are divided into; a sequence is a part of its own."""
RIDGE = 3.0
TEST_ONLY = ("keyed",)
REFIT = "python benchmarks/cleaning.py --truth DIR --fit qa/annotation_judge.json"


@dataclass(frozen=True)
class Judged:
    """One imported mask with all that the measurement needs.

    Attributes:
        set_name, source: see `fused.Labelled`. kind: the damage, or "".
        signals: of `qa.annotation_signals`; empty where nobody voted.
        before: 1 − IoU of the mask with truth. fused: that of the label it would be replaced by.
    """

    set_name: str
    source: str
    kind: str
    signals: Mapping[str, float]
    before: float
    fused: float


def main() -> None:
    """Measure, print tables, and one line of JSON; or fit the judge that ships."""
    options = _options()
    cv2.setNumThreads(1)
    console = Console(stderr=not os.isatty(1))
    params = load_params(options.params)
    sets = FusedSets(params, options.votes, options.cache)
    bursts = list(sets.read(options.truth))
    judging = Judging(sets, params, heard=options.heard)
    fitting = [
        judged
        for seed in FIT_SEEDS[: 1 if options.quick else None]
        for judged in judging.all(bursts, FIT_SHARES[seed % len(FIT_SHARES)], seed, skip=TEST_ONLY)
    ]
    if options.fit:
        judge = fit_judge(fitting, refit=REFIT)
        options.fit.write_text(judge.model_dump_json(indent=1) + "\n", encoding="utf-8")
        return
    seeds = SEEDS[:1] if options.quick else SEEDS
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
    """Judges bursts with imported masks. What was computed of a burst is kept: most masks are the same in every run.

    With `heard` the fused label that replaces a mask knows it as one more voter.
    """

    def __init__(self, sets: FusedSets, params: Params, *, heard: bool = False) -> None:
        self._sets, self._side, self._heard = sets, params.score.side, heard
        self._views: dict[int, list[View]] = {}
        self._signals: dict[tuple[int, str], list[dict[str, float]]] = {}

    def all(self, bursts: Sequence[Labelled], share: float, seed: int, skip: Sequence[str] = ()) -> list[Judged]:
        """All frames of all sets but `skip`, with `share` of each set's masks damaged."""
        judged = []
        for name in sorted({burst.set_name for burst in bursts} - set(skip)):
            chosen = [burst for burst in bursts if burst.set_name == name]
            for annotated in annotate(chosen, share, np.random.default_rng([seed, round(100 * share)])):
                judged += self._judged(annotated)
        return judged

    def _judged(self, annotated: Annotated) -> list[Judged]:
        labelled = annotated.labelled
        labels = self._sets.fuse(annotated.clip(voter=True)) if self._heard else labelled.clip.labels
        return [
            Judged(
                labelled.set_name,
                labelled.source,
                kind,
                signals,
                1 - iou(mask, truth),
                1 - iou(replacement(label_mask(label, truth), mask, doubted=True), truth),
            )
            for kind, signals, mask, truth, label in zip(
                annotated.kinds, self._signals_of(annotated), annotated.masks, labelled.truths, labels, strict=True
            )
        ]

    def _signals_of(self, annotated: Annotated) -> list[dict[str, float]]:
        masks = hashlib.sha256(b"".join(mask.tobytes() for mask in annotated.masks)).hexdigest()
        key = id(annotated.labelled), masks
        if key not in self._signals:
            self._signals[key] = annotation_signals(self._views_of(annotated))
        return self._signals[key]

    def _views_of(self, annotated: Annotated) -> list[View]:
        """The burst's views with these masks, reduced as `qa.view` reduces an imported mask."""
        clip = annotated.labelled.clip
        if id(annotated.labelled) not in self._views:
            views = [view_of(clip, index, side=self._side) for index in range(len(clip))]
            self._views[id(annotated.labelled)] = views
        return [
            replace(view, annotation=as_mask(_reduced(mask, view.shape)))
            for view, mask in zip(self._views[id(annotated.labelled)], annotated.masks, strict=True)
        ]


def _reduced(mask: Mask, shape: tuple[int, int]) -> Grey:
    grey = mask.astype(np.uint8) * 255
    return np.asarray(cv2.resize(grey, shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def label_mask(label: LabelRow | None, truth: Mask) -> Mask:
    """The label at one half; empty where there is none."""
    return as_mask(decode_grey(label.alpha)) if label else np.zeros_like(truth)


def fold_of(one: Judged, way: str) -> str:
    """What a judge must not have seen to decide on this mask."""
    return fold_of_source(one.set_name, one.source, way)


def fold_of_source(set_name: str, source: str, way: str) -> str:
    """The part of the data that must not be in a fit which is measured on this source.

    `left_out`: its set. `cross`: its sequence, or the fifth of the photos that it is in. Test-only sets are whole.
    """
    if way == "left_out" or set_name in TEST_ONLY:
        return set_name
    name = source.split("/")[-1]
    return f"{set_name}/{zlib.crc32(name.encode()) % FOLDS}" if set_name in STILLS else source


def fit_judges(fitting: Sequence[Judged], way: str) -> dict[str, AnnotationJudge]:
    """Fold to the judge fitted without it; `""` to the one fitted on all, for sets that are in no fit."""
    folds = sorted({fold_of(one, way) for one in fitting})
    judges = {fold: fit_judge([one for one in fitting if fold_of(one, way) != fold]) for fold in folds}
    return judges | {"": fit_judge(fitting)}


def fit_judge(fitting: Sequence[Judged], refit: str = "") -> AnnotationJudge:
    """The logistic, with the threshold that doubts `DOUBTED` of the good masks. Every set counts alike."""
    known = [one for one in fitting if one.signals]
    sizes = {name: sum(one.set_name == name for one in known) for name in {one.set_name for one in known}}
    weights = [len(known) / len(sizes) / sizes[one.set_name] for one in known]
    signals = [one.signals for one in known]
    logistic = fit_logistic(signals, [float(bool(one.kind)) for one in known], SIGNS, ridge=RIDGE, weights=weights)
    judge = AnnotationJudge(logistic=logistic, doubt_from=0.5, fitted_on=_described(known), refit=refit)
    limits = [
        float(
            np.quantile(
                [doubt(one.signals, judge) for one in known if one.set_name == name and not one.kind], 1 - DOUBTED
            )
        )
        for name in sizes
    ]
    return judge.model_copy(update={"doubt_from": round(float(np.mean(limits)), 4)})


def _described(known: Sequence[Judged]) -> str:
    names = sorted({one.set_name for one in known})
    parts = [f"{name}: {len({one.source for one in known if one.set_name == name})} sources" for name in names]
    return "; ".join(parts) + f"; {len(known)} masks, {sum(bool(one.kind) for one in known)} of them damaged"


def doubted(one: Judged, judges: Mapping[str, AnnotationJudge], way: str) -> bool:
    """The decision on a mask, by a judge that has not seen its like. A mask that nobody can judge is kept."""
    judge = judges.get(fold_of(one, way), judges[""])
    return bool(one.signals) and doubt(one.signals, judge) >= judge.doubt_from


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
    groups = {name: [one for one in run if one.set_name == name] for name in sorted({one.set_name for one in run})}
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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one seed of each damage")
    parser.add_argument("--heard", action="store_true", help="the fused label hears the annotation as one more voter")
    parser.add_argument("--fit", type=Path, metavar="FILE", help="only fit the judge on all but the keyed clip")
    parser.add_argument("--truth", type=Path, default=DEFAULT if DEFAULT.is_dir() else None, metavar="DIR",
                        help="sets with truth, see benchmarks/labels.py (default: %(default)s)")  # fmt: skip
    parser.add_argument("--params", type=Path, default=ROOT / "params.yaml", metavar="FILE")
    parser.add_argument("--votes", type=Path, default=ROOT / ".autoroto" / "bench" / "labels", metavar="DIR",
                        help="where boxes and votes are kept between runs (default: %(default)s)")  # fmt: skip
    parser.add_argument("--cache", type=Path, default=ROOT / ".autoroto" / "bench" / "cleaning", metavar="DIR",
                        help="where fused labels are kept between runs (default: %(default)s)")  # fmt: skip
    return parser.parse_args()


if __name__ == "__main__":
    main()
