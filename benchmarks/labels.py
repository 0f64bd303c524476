"""How good are the labels? Every teacher, every fusion strategy and the whole of `fuse`, measured against truth.

Sets: `keyed` (the blue-screen clip composited on reserved backgrounds, its alpha known exactly, voted without the
keyer) and each set of the truth folder. Methods: `default` (stage `fuse` with the project's params), `median` (plain
per-pixel median of the same votes), `best_teacher` (best on average over the set), `oracle` (the best teacher of each
frame, chosen by truth), every teacher and every plain strategy by name (votes fused per frame), `unrefined` (the votes
as the default fuses them, before time, people and edges). Mean IoU at one half and boundary F at 0.8 % of the diagonal,
both at the truth's own size.

Nothing is measured with parameters that saw it: what `autoroto calibrate` would fit is fitted anew, in-domain with
other photos and sequences of the same sets (`sets`) and leave-one-set-out (`leave_one_out`); see `pipeline/folds.py`.

The last line is JSON: `sets` and `leave_one_out`, each set to method to `iou` and `bf`; `mean_iou` of the default over
the sets; `teachers`.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np
from keyed_clip import keyed_bursts
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from truth import truth_parser

from datasets.clips import Clip
from datasets.images import Grey, decode_grey
from datasets.schema import LabelRow
from pipeline.calibration_data import Known, known_bursts
from pipeline.ensemble import Ensemble, link_models
from pipeline.folds import KEYED, REGIMES, cross_fits, fit_for, fit_names, folds
from pipeline.params import Params, load_params
from pipeline.progress import stage_progress
from qa.metrics import boundary_f, iou
from stages.fuse import Evidence, Fuse, FuseConfig, pasted_votes
from stages.strategies import STRATEGIES

ROOT = Path(__file__).resolve().parents[1]
QUICK_FRAMES = 16
"""Frames a set with `--quick`."""

Scores = dict[str, tuple[float, float]]
"""Method to (IoU, boundary F) on one frame."""


def main() -> None:
    """Measure, print tables, and one line of JSON."""
    options = _options()
    console = Console(stderr=not os.isatty(1))
    params = load_params(options.params)
    link_models(params, options.cache)
    known = known_bursts(options.truth, params.ingest) if options.truth is not None else []
    dealt = folds(known)
    keyed = [Known(KEYED, KEYED, burst) for burst in keyed_bursts(params.ingest)]
    measured = [*keyed, *known]
    if options.quick:
        measured = spread(measured, QUICK_FRAMES)
    names = fit_names(measured, dealt)
    fits = cross_fits(known, names, dealt, params, options.cache, jobs=options.jobs, console=console)
    teachers = Ensemble(params, options.cache).teachers
    scores = measure(measured, dealt, fits, params, options.cache, options.jobs, console)
    found = {
        regime: {name: summarise(frames, teachers) for name, frames in sets.items()} for regime, sets in scores.items()
    }
    for regime, sets in found.items():
        for name, methods in sets.items():
            console.print(_table(f"{name}, {TITLES[regime]}", len(scores[regime][name]), methods))
    mean_iou = float(np.mean([methods["default"]["iou"] for methods in found["sets"].values()]))
    console.print(f"mean IoU of the default over {len(found['sets'])} sets, in-domain: {mean_iou:.4f}")
    print(json.dumps({**found, "mean_iou": round(mean_iou, 4), "teachers": teachers}))


TITLES = {"sets": "in-domain (cross-fitted by source)", "leave_one_out": "leave-one-set-out"}


def spread(known: Sequence[Known], frames: int) -> list[Known]:
    """Bursts of every set, spread evenly over it, with about so many frames together."""
    kept = []
    for name in dict.fromkeys(one.collection for one in known):
        bursts = [one for one in known if one.collection == name]
        size = sum(len(one.burst.frames) for one in bursts) / len(bursts)
        count = min(len(bursts), max(1, round(frames / size)))
        kept += [bursts[int((index + 0.5) * len(bursts) / count)] for index in range(count)]
    return kept


def measure(
    measured: Sequence[Known],
    dealt: dict[str, int],
    fits: Mapping[str, FuseConfig],
    params: Params,
    cache: Path,
    jobs: int,
    console: Console,
) -> dict[str, dict[str, list[Scores]]]:
    """Regime to set to the scores of its frames."""
    scores: dict[str, dict[str, list[Scores]]] = {regime: {} for regime in REGIMES}
    work = [(one, {regime: fit_for(one, regime, dealt) for regime in REGIMES}) for one in measured]
    pool = ProcessPoolExecutor(
        jobs, multiprocessing.get_context("spawn"), initializer=_open_worker, initargs=(params, cache, fits)
    )
    with pool, stage_progress("labels", console) as progress:
        for done, ((one, _), found) in enumerate(zip(work, pool.map(_score, work), strict=True), start=1):
            for regime in REGIMES:
                scores[regime].setdefault(one.collection, []).extend(found[regime])
            progress(done, len(work), one.collection)
    return scores


class _Worker:
    """What one process keeps open."""

    ensemble: Ensemble
    params: Params
    cache: Path
    fits: Mapping[str, FuseConfig]
    fuses: dict[str, Fuse]


def _open_worker(params: Params, cache: Path, fits: Mapping[str, FuseConfig]) -> None:
    cv2.setNumThreads(1)
    _Worker.ensemble = Ensemble(params, cache)
    _Worker.params, _Worker.cache, _Worker.fits, _Worker.fuses = params, cache, fits, {}


def _fuse(fit: str) -> Fuse:
    """Stage `fuse` with the parameters of a fit."""
    if fit not in _Worker.fuses:
        _Worker.fuses[fit] = Fuse(_Worker.fits[fit], root=_Worker.cache)
        _Worker.fuses[fit].setup()
    return _Worker.fuses[fit]


def _score(work: tuple[Known, dict[str, str]]) -> dict[str, list[Scores]]:
    """Scores of every frame of a burst, by regime."""
    one, chosen = work
    clip = _Worker.ensemble.clip(one.burst.frames)
    truths = [decode_grey(truth) for truth in one.burst.truths]
    votes = [_votes(clip, index, truth.shape) for index, truth in enumerate(truths)]
    teachers = [
        _scored({name: answers.get(name, np.zeros_like(truth)) for name in clip.votes}, truth)
        for answers, truth in zip(votes, truths, strict=True)
    ]
    found = {
        fit: [teachers[index] | scores for index, scores in enumerate(_fused(_fuse(fit), clip, votes, truths))]
        for fit in set(chosen.values())
    }
    return {regime: found[fit] for regime, fit in chosen.items()}


def _fused(fuse: Fuse, clip: Clip, votes: Sequence[Mapping[str, Grey]], truths: Sequence[Grey]) -> Iterator[Scores]:
    """Scores of the label, and of every strategy's unrefined probability, of each frame."""
    labels = list(fuse.process(clip))
    for index, truth in enumerate(truths):
        label, evidence = labels[index], fuse.weigh(clip, index)
        nothing = np.zeros_like(truth)
        default = _enlarged(decode_grey(label.alpha), truth.shape) if isinstance(label, LabelRow) else nothing
        answers = {"default": default, "unrefined": nothing, **dict.fromkeys(STRATEGIES, nothing)}
        if isinstance(evidence, Evidence):
            stack = np.stack([votes[index][name].astype(np.float32) / np.float32(255) for name in evidence.teachers])
            answers |= {name: _bytes(strategy(stack, evidence.weights)) for name, strategy in STRATEGIES.items()}
            answers["unrefined"] = _enlarged(_bytes(fuse.probability(evidence)), truth.shape)
        yield _scored(answers, truth)


def _scored(answers: Mapping[str, Grey], truth: Grey) -> Scores:
    return {method: (iou(mask, truth), boundary_f(mask, truth)) for method, mask in answers.items()}


def _votes(clip: Clip, index: int, shape: tuple[int, ...]) -> dict[str, Grey]:
    """The mask of every teacher that does not abstain, at the truth's size."""
    votes = pasted_votes({teacher: rows[index] for teacher, rows in clip.votes.items()}, shape[1], shape[0])
    return {teacher: _bytes(vote) for teacher, vote in votes.items()}


def summarise(frames: Sequence[Scores], teachers: Sequence[str]) -> dict[str, dict[str, float]]:
    """Means over a set, and those of the best teacher on average and of the best per frame."""
    means = {method: _mean([scores[method] for scores in frames]) for method in frames[0]}
    best = max(teachers, key=lambda teacher: means[teacher]["iou"])
    chosen = [max((scores[teacher] for teacher in teachers), key=lambda pair: pair[0]) for scores in frames]
    first = {
        "default": means["default"],
        "median": means["median"],
        "best_teacher": means[best],
        "oracle": _mean(chosen),
    }
    return first | means


def _mean(pairs: Sequence[tuple[float, float]]) -> dict[str, float]:
    found, fitted = np.mean(pairs, axis=0)
    return {"iou": round(float(found), 4), "bf": round(float(fitted), 4)}


def _enlarged(mask: Grey, shape: tuple[int, ...]) -> Grey:
    return np.asarray(cv2.resize(mask, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR), np.uint8)


def _bytes(values: NDArray[np.float32]) -> Grey:
    return np.asarray(np.rint(values * 255), np.uint8)


def _table(name: str, frames: int, methods: dict[str, dict[str, float]]) -> Table:
    table = Table("method", title=f"{name}: {frames} frames")
    table.add_column("IoU", justify="right")
    table.add_column("boundary F", justify="right")
    for method, values in sorted(methods.items(), key=lambda entry: -entry[1]["iou"]):
        style = "bold" if method == "default" else None
        table.add_row(method, f"{values['iou']:.4f}", f"{values['bf']:.4f}", style=style)
    return table


def _options() -> argparse.Namespace:
    parser = truth_parser(__doc__, needed=False)
    parser.add_argument(
        "--quick", action="store_true", help=f"measures about {QUICK_FRAMES} frames a set; fits see all"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
