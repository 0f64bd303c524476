"""Does the judge know which labels are wrong? Its probabilities on labels it was not fitted on, against truth.

Labels: the fused label of every frame and every teacher's raw output as if it were the label (`natural`), and labels
fused from votes with an injected error of each type, at several sizes, in one, most and all of the teachers. A label is
good from IoU .95 and boundary F .85 on. `auroc` of a type: positives are labels that the injection into most votes
moved from good to not good, negatives the good labels without injection; for lag and flicker a burst of up to four
frames is judged, by the means over the burst (of IoU, boundary F and of the judge's probability). `natural`: not good
against good. Folds are grouped by source; the keyed clip is in no fit. cleanlab's softmin scores (its defaults) see the
same labels, and as class probabilities the mean of the same votes. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import median as median_of

import numpy as np
from ensemble import Ensemble, link_models
from judge_figures import Judged, auroc, calibration_error, compared, named, separations
from judge_time import milliseconds
from labels import ROOT, keyed_bursts, spread
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from truth import DEFAULT, Burst, read_bursts, truth_sets

from pipeline.calibrate_judge import SIZES, fit_on, good_bursts, labelled_for
from pipeline.judge_data import KnownClip, Labelled
from pipeline.params import Params, load_params
from pipeline.progress import stage_progress
from qa.judge import Judge, samples_of
from qa.judge_fit import FOLDS, folds_of
from qa.view import View

KEYED = "keyed"
QUICK_FRAMES = 24


def main() -> None:
    """Measure, print tables, and one line of JSON."""
    options = _options()
    console = Console(stderr=not os.isatty(1))
    params = load_params(options.params)
    link_models(params, options.votes)
    known = list(known_clips(options.truth, params, options.votes, QUICK_FRAMES if options.quick else None))
    with stage_progress("labels", console) as progress:
        labelled = labelled_for(
            known,
            params.fuse,
            side=params.score.side,
            cache=options.cache,
            jobs=options.jobs,
            rate=softmin,
            draws=options.draws,
            progress=progress,
        )
    judged = cross_judged(labelled)
    out = left_out(labelled)
    ours, theirs = separations(judged), separations(judged, by="cleanlab")
    for title, found in (("held out by source", judged), ("set left out", out)):
        console.print(_types_table(title, found))
    console.print(_sizes_table(judged))
    console.print(_sets_table(judged, out))
    with_flow, without, view = milliseconds(known, params)
    natural = [one for one in judged if one.labelled.natural]
    print(
        json.dumps(
            {
                "auroc": {kind: round(value, 4) for kind, value in ours.items()},
                "cleanlab_auroc": {kind: round(value, 4) for kind, value in theirs.items()},
                "ece": round(calibration_error(natural), 4),
                "ms_720p": round(with_flow, 1),
                "ms_720p_noflow": round(without, 1),
                "ms_720p_view": round(view, 1),
                "leave_one_out": {
                    "auroc": {kind: round(value, 4) for kind, value in separations(out).items()},
                    "ece": round(calibration_error([one for one in out if one.labelled.natural]), 4),
                },
                "positives": positives(judged),
                "natural_labels": len(natural),
            }
        )
    )


def known_clips(truth: Path | None, params: Params, votes: Path, frames: int | None) -> Iterator[KnownClip]:
    """Every burst of every set with its boxes and votes; about so many frames a set."""
    ensemble = Ensemble(params, votes)
    found: list[tuple[str, str, Burst]] = [(KEYED, KEYED, burst) for burst in keyed_bursts(params.ingest)]
    for collection, folders in (truth_sets(truth) if truth else {}).items():
        for folder in folders:
            bursts = list(read_bursts(folder, params.ingest))
            name = folder.images.parent.relative_to(truth).as_posix()
            photos = median_of(len(burst.frames) for burst in bursts) == 1
            for burst in bursts:
                found.append((collection, f"{name}/{burst.frames[0].clip}" if photos else name, burst))
    for collection in dict.fromkeys(collection for collection, _, _ in found):
        bursts = [(group, burst) for one, group, burst in found if one == collection]
        if frames is not None:
            kept = {id(burst) for burst in spread([burst for _, burst in bursts], frames)}
            bursts = [(group, burst) for group, burst in bursts if id(burst) in kept]
        for group, burst in bursts:
            yield KnownClip(collection, group, ensemble.clip(burst.frames), burst.truths)


def softmin(view: View) -> float:
    """cleanlab's label quality score of a view's label; the teachers' mean vote is the predicted probability."""
    from cleanlab.segmentation.rank import get_label_quality_scores

    if not view.votes:
        return 0.0
    chance = np.mean(list(view.votes.values()), axis=0) / 255
    scores, _ = get_label_quality_scores(
        view.label.mask.astype(np.int64)[None], np.stack([1 - chance, chance])[None], verbose=False
    )
    return float(scores[0])


def cross_judged(labelled: Sequence[Labelled]) -> list[Judged]:
    """Every label with the probability of a judge that saw no label of its source; the keyed clip's is in no fit."""
    fitting = [one for one in labelled if one.collection != KEYED]
    fold = dict(zip([one.group for one in fitting], folds_of([one.group for one in fitting], FOLDS), strict=True))
    chances = np.full(len(labelled), np.nan)
    for number in [*range(FOLDS), None]:
        judge = fit_on([one for one in fitting if fold[one.group] != number])
        seen = [index for index, one in enumerate(labelled) if fold.get(one.group) == number]
        chances[seen] = _chances(judge, [labelled[index] for index in seen])
    return _judged(labelled, chances)


def left_out(labelled: Sequence[Labelled]) -> list[Judged]:
    """Every label with the probability of a judge that saw no label of its set."""
    chances = np.full(len(labelled), np.nan)
    for collection in dict.fromkeys(one.collection for one in labelled):
        judge = fit_on([one for one in labelled if one.collection not in (collection, KEYED)])
        seen = [index for index, one in enumerate(labelled) if one.collection == collection]
        chances[seen] = _chances(judge, [labelled[index] for index in seen])
    return _judged(labelled, chances)


def _chances(judge: Judge, labelled: Sequence[Labelled]) -> NDArray[np.float64]:
    return judge.probabilities(samples_of([one.example.signals for one in labelled], judge.signals))


def _judged(labelled: Sequence[Labelled], chances: NDArray[np.float64]) -> list[Judged]:
    """With whether the burst, and the very label, were good before anything was injected."""
    good = good_bursts([one for one in labelled if one.natural])
    panned = good_bursts([one for one in labelled if one.spec.pan and not one.spec.kind])
    before = {(one.burst, one.index): one.example.good for one in labelled if one.natural and not one.teacher}
    judged = []
    for one, chance in zip(labelled, chances, strict=True):
        was = one.burst in (panned if one.spec.pan else good)
        judged.append(Judged(one, float(chance), was, before.get((one.burst, one.index), False)))
    return judged


def positives(judged: Sequence[Judged]) -> dict[str, int]:
    """How many labels (or bursts) of each type the injection into most votes spoilt."""
    return {kind: int(np.count_nonzero(found[0])) for kind, found in _compared(judged).items()}


def _compared(judged: Sequence[Judged]) -> dict[str, tuple[NDArray[np.bool_], NDArray[np.float64]]]:
    return {kind: compared(judged, kind) for kind in (*SIZES, "natural")}


def _types_table(title: str, judged: Sequence[Judged]) -> Table:
    table = Table(title=f"AUROC, {title}", title_justify="left")
    for column in ("error", "bad", "good", "judge", "cleanlab", *sorted({one.labelled.collection for one in judged})):
        table.add_column(column, justify="left" if column == "error" else "right")
    ours, theirs = separations(judged), separations(judged, by="cleanlab")
    for kind, (bad, _) in _compared(judged).items():
        by_set = []
        for collection in sorted({one.labelled.collection for one in judged}):
            found = separations([one for one in judged if one.labelled.collection == collection], kinds=(kind,))
            by_set.append(f"{found[kind]:.3f}")
        table.add_row(
            kind, str(int(bad.sum())), str(int((~bad).sum())), f"{ours[kind]:.4f}", f"{theirs[kind]:.4f}", *by_set
        )
    return table


def _sizes_table(judged: Sequence[Judged]) -> Table:
    table = Table(title="injected into good labels (frames)", title_justify="left")
    for column in ("error", "votes", "size", "labels", "spoilt", "P spoilt", "P still good", "named"):
        table.add_column(column, justify="left" if column == "error" else "right")
    groups = defaultdict(list)
    for one in judged:
        if one.labelled.spec.kind and (one.was_good if one.labelled.spec.pan else one.was_good_frame):
            spec = one.labelled.spec
            groups[list(SIZES).index(spec.kind), spec.kind, spec.share, spec.size].append(one)
    for (_, kind, share, size), found in sorted(groups.items()):
        spoilt = [one for one in found if not one.labelled.example.good]
        kept = [one for one in found if one.labelled.example.good]
        table.add_row(
            kind,
            {0.0: "one", 0.5: "most", 1.0: "all"}[share],
            f"{size:.2f}",
            str(len(found)),
            str(len(spoilt)),
            f"{np.mean([one.chance for one in spoilt]):.2f}" if spoilt else "",
            f"{np.mean([one.chance for one in kept]):.2f}" if kept else "",
            f"{named(spoilt):.0%}" if spoilt else "",
        )
    return table


def _sets_table(judged: Sequence[Judged], out: Sequence[Judged]) -> Table:
    table = Table(title="natural labels", title_justify="left")
    for column in ("set", "labels", "good", "AUROC", "ECE", "AUROC left out", "ECE left out"):
        table.add_column(column, justify="left" if column == "set" else "right")
    sets = sorted({one.labelled.collection for one in judged})
    for name, chosen in [
        *((name, [name]) for name in sets),
        ("all", sets),
        ("all, fused alone", sets),
    ]:
        cells = []
        for found in (judged, out):
            natural = [
                one
                for one in found
                if one.labelled.natural
                and one.labelled.collection in chosen
                and not (one.labelled.teacher and "fused" in name)
            ]
            bad = np.asarray([not one.labelled.example.good for one in natural])
            cells.append((natural, bad, auroc(bad, -np.asarray([one.chance for one in natural]))))
        natural, bad, area = cells[0]
        table.add_row(
            name,
            str(len(natural)),
            f"{1 - bad.mean():.0%}",
            f"{area:.3f}",
            f"{calibration_error(natural):.3f}",
            f"{cells[1][2]:.3f}",
            f"{calibration_error(cells[1][0]):.3f}",
        )
    return table


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help=f"about {QUICK_FRAMES} frames a set")
    parser.add_argument(
        "--truth",
        type=Path,
        default=DEFAULT if DEFAULT.is_dir() else None,
        metavar="DIR",
        help="holds images/ and masks/ with equal stems, or sub-folders that do (default: %(default)s)",
    )
    parser.add_argument(
        "--params", type=Path, default=ROOT / "params.yaml", metavar="FILE", help="default: %(default)s"
    )
    parser.add_argument(
        "--votes",
        type=Path,
        default=ROOT / ".autoroto" / "bench" / "labels",
        metavar="DIR",
        help="where boxes and votes are kept between runs (default: %(default)s)",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=ROOT / ".autoroto" / "bench" / "judge",
        metavar="DIR",
        help="where judged labels are kept between runs (default: %(default)s)",
    )
    parser.add_argument("--draws", type=int, default=1, help="injections of each type and size (default: %(default)s)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
