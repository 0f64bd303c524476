"""Does the judge know which labels are wrong? Its probabilities on labels it was not fitted on, against truth.

Labels: the fused label of every frame and every teacher's raw output as if it were the label (`natural`), and labels
fused from votes with an injected error of each type, at several sizes, in one, most and all of the teachers. A label is
good from IoU .95 and boundary F .85 on. `auroc` of a type: positives are labels that the injection into most votes
moved from good to not good, negatives the good labels without injection; for lag and flicker a burst of up to four
frames is judged, by the means over the burst (of IoU, boundary F and of the judge's probability). `natural`: not good
against good. cleanlab's softmin scores (its defaults) see the same labels, and as class probabilities the mean of the
same votes.

Nothing is measured by a judge that saw its source, nor on labels of a `fuse` that did (`pipeline/folds.py`). The keyed
clip is in no fit. `leave_one_out`: the judge saw no label of the set; for `natural` and `ece` neither did `fuse`. Views
of frames as other kinds of shot are fitted on and never measured. The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence

import numpy as np
from judge_figures import Judged, calibration_error, positives, separations
from judge_tables import sets_table, sizes_table, types_table
from judge_time import milliseconds
from keyed_clip import keyed_bursts
from labels import spread
from numpy.typing import NDArray
from rich.console import Console
from truth import truth_parser

from pipeline.calibrate_judge import SIZES, fit_on, good_bursts, labelled_for
from pipeline.calibration_data import Known, known_bursts, reserved_for_fitting, viewed
from pipeline.ensemble import Ensemble, link_models
from pipeline.folds import KEYED, REGIMES, configs_for, cross_fits, fit_for, fit_names, fitted_on, folds
from pipeline.judge_data import Labelled, Spec, cut, label_all, with_votes
from pipeline.params import load_params
from pipeline.progress import stage_progress
from qa.judge import Judge, samples_of
from qa.view import View

DRAWS = {"jagged_edge": 3, "lag": 4, "flicker": 4}
"""How often an error is injected at each size, where not once: fusion repairs most of these. Judges are fitted on first
draws only, as by `autoroto calibrate`."""
QUICK_FRAMES = 24
"""Frames a set with `--quick`."""


def main() -> None:
    """Measure, print tables, and one line of JSON."""
    options = _options()
    console = Console(stderr=not os.isatty(1))
    params = load_params(options.params)
    link_models(params, options.cache)
    known = known_bursts(options.truth, params.ingest)
    dealt = folds(known)
    measured = [*(Known(KEYED, KEYED, burst) for burst in keyed_bursts(params.ingest)), *known]
    views = viewed(known, reserved_for_fitting())
    if options.quick:
        measured = spread(measured, QUICK_FRAMES)
    names = fit_names(measured, dealt)
    fits = cross_fits(known, names, dealt, params, options.cache, jobs=options.jobs, console=console, views=views)
    if options.quick:
        views = spread(views, QUICK_FRAMES)
    configs = {regime: configs_for([*measured, *views], regime, dealt, fits) for regime in REGIMES}
    ensemble = Ensemble(params, options.cache)
    clips = with_votes(measured, ensemble)
    views = with_votes(views, ensemble, viewed=True)
    with stage_progress("labels", console) as progress:
        how = {"side": params.score.side, "cache": options.cache, "jobs": options.jobs, "rate": softmin}
        labelled = labelled_for([*clips, *views], configs["sets"], draws=DRAWS, progress=progress, **how)
    with stage_progress("labels, set left out", console) as progress:
        work = [(piece, Spec()) for clip in clips for piece in cut(clip)]
        apart = label_all(work, configs["leave_one_out"], progress=progress, **how)
    fitted = judges(names, labelled, dealt)
    judged = judged_by(fitted, labelled, "sets", dealt)
    out, far = (judged_by(fitted, found, "leave_one_out", dealt) for found in (labelled, apart))
    console.print(types_table("held out by source", judged))
    console.print(types_table("set left out of the judge's fit", out))
    console.print(sizes_table(judged))
    console.print(sets_table(judged, far))
    with_flow, without, decoding = milliseconds(clips, params)
    natural = [one for one in judged if one.labelled.natural]
    print(
        json.dumps(
            {
                "auroc": _rounded(separations(judged)),
                "cleanlab_auroc": _rounded(separations(judged, by="cleanlab")),
                "ece": round(calibration_error(natural), 4),
                "ms_720p": round(with_flow, 1),
                "ms_720p_noflow": round(without, 1),
                "ms_720p_decoding": round(decoding, 1),
                "leave_one_out": {
                    "auroc": _rounded(separations(out, kinds=tuple(SIZES)) | separations(far, kinds=("natural",))),
                    "ece": round(calibration_error([one for one in far if one.labelled.natural]), 4),
                },
                "positives": positives(judged),
                "natural_labels": len(natural),
            }
        )
    )


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {kind: round(value, 4) for kind, value in values.items()}


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


def judges(names: Sequence[str], labelled: Sequence[Labelled], dealt: dict[str, int]) -> dict[str, Judge]:
    """Fit name (see `pipeline.folds`) to the judge of the labels it may see: none of the keyed clip, but views."""
    fitting = [one for one in labelled if one.collection != KEYED and not one.spec.draw]
    return {
        name: fit_on([one for one in fitting if fitted_on(name, one.collection, one.group, dealt)]) for name in names
    }


def judged_by(
    fitted: Mapping[str, Judge], labelled: Sequence[Labelled], regime: str, dealt: dict[str, int]
) -> list[Judged]:
    """Every measured label with the probability of the judge that did not see its source, or its set."""
    measured = [one for one in labelled if not one.viewed]
    names = np.asarray([fit_for(one, regime, dealt) for one in measured])
    chances, errors = np.full(len(measured), np.nan), np.full(len(measured), "", object)
    for name in np.unique(names):
        seen, judge = np.flatnonzero(names == name), fitted[name]
        samples = samples_of([measured[index].example.signals for index in seen], judge.signals)
        chances[seen], errors[seen] = judge.probabilities(samples), judge.errors(samples)
    return _judged(measured, chances, errors.tolist())


def _judged(labelled: Sequence[Labelled], chances: NDArray[np.float64], errors: Sequence[str]) -> list[Judged]:
    """With whether the burst, and the very label, were good before anything was injected."""
    good = good_bursts([one for one in labelled if one.natural])
    panned = good_bursts([one for one in labelled if one.spec.pan and not one.spec.kind])
    before = {(one.burst, one.index): one.example.good for one in labelled if one.natural and not one.teacher}
    judged = []
    for one, chance, error in zip(labelled, chances, errors, strict=True):
        was = one.burst in (panned if one.spec.pan else good)
        judged.append(Judged(one, float(chance), error, was, before.get((one.burst, one.index), False)))
    return judged


def _options() -> argparse.Namespace:
    parser = truth_parser(__doc__)
    parser.add_argument("--quick", action="store_true", help=f"about {QUICK_FRAMES} frames a set")
    return parser.parse_args()


if __name__ == "__main__":
    main()
