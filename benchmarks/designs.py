"""Designs of fusion on the same votes: plain rules, fitted weights per kind of shot, guessed weights per frame.

Each is fitted anew for what is measured, as in `labels.py`: in-domain with other sources, and leave-one-set-out. Maps
are compared at the size they are fitted at and not refined, so only differences between designs mean something;
`labels.py` measures labels.

The last line is JSON: `sets` and `leave_one_out`, each set to design to `iou` and `bf`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from frame_weights import FrameWeights
from keyed_clip import keyed_bursts
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from truth import truth_parser

from pipeline.calibration_data import Known, known_bursts, known_frames
from pipeline.ensemble import link_models
from pipeline.folds import KEYED, REGIMES, fit_for, fit_names, fitting_frames, folds, seen_by
from pipeline.params import load_params
from pipeline.progress import stage_progress
from qa.metrics import boundary_f, iou
from stages.reliability import BY_DESIGN, SLOPES, Expertise
from stages.strategies import STRATEGIES, weighted
from training.fit_reliability import FitConfig, fit_reliability, measured_expertise
from training.known_frames import KnownFrame

ROOT = Path(__file__).resolve().parents[1]
Design = Callable[[KnownFrame], NDArray[np.float32]]
Scores = dict[str, tuple[float, float]]


def main() -> None:
    """Fit, measure, print a table a regime, and one line of JSON."""
    options = truth_parser(__doc__).parse_args()
    cv2.setNumThreads(1)
    console = Console(stderr=not os.isatty(1))
    params = load_params(options.params)
    link_models(params, options.cache)
    known = known_bursts(options.truth, params.ingest)
    keyed = [Known(KEYED, KEYED, burst) for burst in keyed_bursts(params.ingest)]
    dealt = folds(known)
    with stage_progress("measured", console) as progress:
        measured = known_frames([*keyed, *known], params, options.cache, jobs=options.jobs, progress=progress)
    material = fitting_frames(known, params, options.cache, jobs=options.jobs, console=console)
    names = fit_names([*keyed, *known], dealt)
    found: dict[str, dict[str, list[Scores]]] = {regime: {} for regime in REGIMES}
    with stage_progress("designs", console) as progress:
        for done, name in enumerate(names, start=1):
            designs = fitted_designs(seen_by(name, material, dealt))
            for regime in REGIMES:
                for frame in measured:
                    if fit_for(frame, regime, dealt) == name:
                        found[regime].setdefault(frame.collection, []).append(_scored(designs, frame))
            progress(done, len(names), name)
    means = {regime: {name: _means(frames) for name, frames in sets.items()} for regime, sets in found.items()}
    for regime, sets in means.items():
        console.print(_table(regime, sets))
    print(json.dumps(means))


def fitted_designs(seen: Sequence[KnownFrame]) -> Mapping[str, Design]:
    """Name to design, fitted on `seen` where it is."""

    def by_table(table: Mapping[str, Expertise], slopes: Mapping[str, float] = SLOPES) -> Design:
        return lambda frame: weighted(frame.maps(), frame.weights(table, slopes))

    def by_rule(name: str) -> Design:
        return lambda frame: STRATEGIES[name](frame.maps(), frame.weights({}, {}))

    designs = {name: by_rule(name) for name in STRATEGIES if name != "weighted"}
    measured = measured_expertise(seen)
    frames = FrameWeights(seen)
    return {
        **designs,
        "weighted, by design": by_table(BY_DESIGN),
        "weighted, measured": by_table(measured),
        "weighted, fitted by kind of shot": by_table(fit_reliability(seen, FitConfig(slope_pull=1e3))[0]),
        "weighted, fitted": by_table(*fit_reliability(seen, FitConfig())),
        "guessed weights": frames.mixed,
        "guessed choice": frames.selected,
    }


def _scored(designs: Mapping[str, Design], frame: KnownFrame) -> Scores:
    maps = {name: design(frame) for name, design in designs.items()}
    scores = {name: (iou(values, frame.truth), boundary_f(values, frame.truth)) for name, values in maps.items()}
    teachers = [(iou(vote, frame.truth), boundary_f(vote, frame.truth)) for vote in frame.votes]
    return scores | {"oracle": max(teachers, key=lambda pair: pair[0])}


def _means(frames: Sequence[Scores]) -> dict[str, dict[str, float]]:
    means = {name: np.mean([scores[name] for scores in frames], axis=0) for name in frames[0]}
    return {name: {"iou": round(float(pair[0]), 4), "bf": round(float(pair[1]), 4)} for name, pair in means.items()}


def _table(regime: str, sets: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Table:
    table = Table("design", *sets, title=regime)
    for name in next(iter(sets.values())):
        table.add_row(name, *(f"{one[name]['iou']:.4f} / {one[name]['bf']:.4f}" for one in sets.values()))
    return table


if __name__ == "__main__":
    main()
