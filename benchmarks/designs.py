"""Every design of fusion that was tried, on the same votes: plain rules, weights per frame, fitted maps per pixel.

Each is fitted anew for what is measured, as in `labels.py`: in-domain with other sources, and leave-one-set-out. Maps
are compared on the combiner's grid and not refined, so only differences between designs mean something; `labels.py`
measures labels. Needs scikit-learn for the boosting (the `bench` extra brings it). The last line is JSON.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
from folds import KEYED, REGIMES, fit_each, fit_for, fit_names, fitted_on, folds
from frame_weights import FrameWeights
from keyed_clip import keyed_bursts
from numpy.typing import NDArray
from pixel_boosting import PixelBoosting
from rich.console import Console
from rich.table import Table
from truth import DEFAULT

from pipeline.calibration_data import Known, known_bursts, reserved_for_fitting, samples_of, viewed
from pipeline.ensemble import link_models
from pipeline.params import load_params
from pipeline.progress import stage_progress
from qa.metrics import boundary_f, iou
from stages.combiner import Combiner, read_fitted
from stages.combiner_planes import Scene
from stages.strategies import STRATEGIES
from training.combiner_samples import Sample, fit_expertise
from training.fit_combiner import FitConfig

ROOT = Path(__file__).resolve().parents[1]
Design = Callable[[Sample, Scene], NDArray[np.float32]]
Scores = dict[str, tuple[float, float]]


def main() -> None:
    """Fit, measure, print a table a regime, and one line of JSON."""
    options = _options()
    cv2.setNumThreads(1)
    console = Console(stderr=not os.isatty(1))
    params = load_params(options.params)
    link_models(params, options.cache)
    config = FitConfig(edge_gain=params.fuse.edge_gain)
    known = known_bursts(options.truth, params.ingest)
    keyed = [Known(KEYED, KEYED, burst) for burst in keyed_bursts(params.ingest)]
    dealt = folds(known)
    groups = {"measured": [*keyed, *known], "views": viewed(known, reserved_for_fitting(), seed=config.seed)}
    samples: dict[str, list[Sample]] = {}
    for name, bursts in groups.items():
        with stage_progress(name, console) as progress:
            samples[name] = samples_of(bursts, params, config, options.cache, jobs=options.jobs, progress=progress)
    material = [one for one in (*samples["measured"], *samples["views"]) if one.collection != KEYED]
    names = fit_names([*keyed, *known], dealt)
    with stage_progress("fits", console) as progress:
        files = fit_each(names, material, dealt, config, options.cache, jobs=options.jobs, progress=progress)
    found: dict[str, dict[str, list[Scores]]] = {regime: {} for regime in REGIMES}
    with stage_progress("designs", console) as progress:
        for done, name in enumerate(names, start=1):
            seen = [one for one in material if fitted_on(name, one.collection, one.group, dealt)]
            designs = _designs(seen, config, files[name])
            table = fit_expertise(seen)
            for regime in REGIMES:
                for one in samples["measured"]:
                    if fit_for(one, regime, dealt) == name:
                        scene = one.scene(table, edge_gain=config.edge_gain)
                        found[regime].setdefault(one.collection, []).append(_scored(designs, one, scene))
            progress(done, len(names), name)
    means = {
        regime: {name: _means(frames) for name, frames in sets.items()} for regime, sets in found.items()
    }  # fmt: skip
    for regime, sets in means.items():
        console.print(_table(regime, sets))
    print(json.dumps(means))


def _designs(seen: Sequence[Sample], config: FitConfig, fitted: Path | None) -> Mapping[str, Design]:
    """Name to design, fitted on samples where it is."""
    designs: dict[str, Design] = {
        name: lambda sample, scene, rule=rule: rule(scene.votes, scene.weights)  # type: ignore[misc]
        for name, rule in STRATEGIES.items()
    }
    if seen and fitted is not None:
        table = fit_expertise(seen)
        frames = FrameWeights(seen, table, config.edge_gain)
        boosting = PixelBoosting(seen, table, config)
        combiner = Combiner(read_fitted(fitted))
        designs["frame weights"] = lambda sample, scene: frames.mixed(sample, scene)
        designs["selection"] = lambda sample, scene: frames.selected(sample, scene)
        designs["pixel boosting"] = lambda sample, scene: boosting(scene)
        designs["combiner"] = lambda sample, scene: combiner(scene)
    return designs


def _scored(designs: Mapping[str, Design], sample: Sample, scene: Scene) -> Scores:
    maps = {name: design(sample, scene) for name, design in designs.items()}
    scores = {name: (iou(values, sample.truth), boundary_f(values, sample.truth)) for name, values in maps.items()}
    teachers = [(iou(vote, sample.truth), boundary_f(vote, sample.truth)) for vote in sample.votes]
    return scores | {"oracle": max(teachers, key=lambda pair: pair[0])}


def _means(frames: Sequence[Scores]) -> dict[str, dict[str, float]]:
    means = {name: np.mean([scores[name] for scores in frames], axis=0) for name in frames[0]}
    return {name: {"iou": round(float(pair[0]), 4), "bf": round(float(pair[1]), 4)} for name, pair in means.items()}


def _table(regime: str, sets: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Table:
    table = Table("design", *sets, title=regime)
    for name in next(iter(sets.values())):
        table.add_row(name, *(f"{one[name]['iou']:.4f} / {one[name]['bf']:.4f}" for one in sets.values()))
    return table


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--truth", type=Path, default=DEFAULT, metavar="DIR", help="default: %(default)s")
    parser.add_argument("--params", type=Path, default=ROOT / "params.yaml", metavar="FILE")
    parser.add_argument("--cache", type=Path, default=ROOT / ".autoroto" / "bench" / "labels", metavar="DIR")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
