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
of frames as other kinds of shot are fitted on and never measured.

Milliseconds of all signals on a 720p frame are measured on one thread. The last line is JSON: `auroc` and
`cleanlab_auroc` by type, `ece` of the natural labels, `ms_720p`, `ms_720p_noflow` and `ms_720p_decoding`,
`leave_one_out` with its own `auroc` and `ece`, `positives` by type, `natural_labels`.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping, Sequence

import numpy as np
from held_out import HeldOut, judges
from judge_figures import Judged, calibration_error, positives, separations
from judge_tables import sets_table, sizes_table, types_table
from judge_time import milliseconds
from numpy.typing import NDArray
from rich.console import Console
from truth import truth_parser

from pipeline.calibrate_judge import SIZES, good_bursts
from pipeline.folds import fit_for
from pipeline.judge_data import Labelled
from pipeline.params import load_params
from qa.judge import Judge, samples_of

DRAWS = {"jagged_edge": 3, "lag": 4, "flicker": 4}
"""How often an error is injected at each size, where not once: fusion repairs most of these. Judges are fitted on what
`autoroto calibrate` would inject."""
QUICK_FRAMES = 24
"""Frames a set with `--quick`."""


def main() -> None:
    """Measure, print tables, and one line of JSON."""
    options = _options()
    params = load_params(options.params)
    console = Console(stderr=not os.isatty(1))
    footage = HeldOut.read(options, params, console, frames=QUICK_FRAMES if options.quick else None)
    labelled, apart = footage.labelled(DRAWS), footage.far()
    dealt = footage.dealt
    fitted = judges(footage.names, labelled, dealt)
    judged = judged_by(fitted, labelled, "sets", dealt)
    out, far = (judged_by(fitted, found, "leave_one_out", dealt) for found in (labelled, apart))
    console.print(types_table("held out by source", judged))
    console.print(types_table("set left out of the judge's fit", out))
    console.print(sizes_table(judged))
    console.print(sets_table(judged, far))
    with_flow, without, decoding = milliseconds(footage.clips, params)
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
