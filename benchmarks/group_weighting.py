"""What do groups and weights save when labels are wrong? The student, trained on the same footage with damaged labels.

Footage with truth (every second photo and every second sequence of the truth folder, and views of their people as
other kinds of shot, `training/fitting_views.py`: photos of the street alone would not teach a student talking heads)
comes with annotations that are right but for 0, 20 or 40 % of them: these carry typed damage (`qa/annotators.py`), up
to whole clips of video. The student learns from them three times:

- `uniform`: every annotation believed alike. At 0 % this is training on the truth.
- `drop_bad`: those that the judge of annotations does not doubt, believed alike.
- `ours`: as the pipeline would. The real stages import the annotations, fuse and score, take an audit of at most 5 % of
  the frames (truth plays the reviewer), curate (a doubted annotation gives way to the fused label), and write the
  weights of the groups; trust is per pixel.

Judges are fitted on the other half of the truth (`half_judge.py`). Else nothing that a project without truth would not
know decides in the last two. `--ablate` takes `ours` apart: `cleaned` has its labels, all believed alike and
everywhere; `kept` its weights and trust, but no annotation gives way; in `learnt` its weights are learnt on. Students
are measured on the other half of the photos and sequences and on views of those (`views`): foreground IoU at the
student's size, first frames without a prior, mean over all frames. The keyed clip is shown, and is in no mean: no
talking head is learnt from, and on it luck decides by ten times the gap. Seeds draw the damage, the student's start and
the order of its batches.

The last line is JSON. `gap_recovered`: of the gap between uniform weights at 0 % and at a level, the part that `ours`
gains back. `gap_sd`: that gap at 40 %, in standard deviations of the seeds (pooled over the two). `iou`: mean over the
seeds by level and arm. What was not run is null.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from corrupted import Labelled, believed, composition, corrupted, curated, judged, labelled, weights_of
from half_judge import with_half_judges
from keyed_clip import keyed_bursts
from rich.console import Console
from truth import truth_parser
from weighting_figures import summarise, tables
from weighting_students import Training, train_all, write_tests

from datasets.schema import CuratedRow
from datasets.shards import write_rows
from pipeline.calibration_data import Known, known_bursts, reserved_for_fitting, viewed
from pipeline.ensemble import Ensemble, link_models
from pipeline.params import Params, load_params
from pipeline.progress import stage_progress
from pipeline.truth import Burst
from qa.damage import TYPES
from training.fitting_views import is_view

ROOT = Path(__file__).resolve().parents[1]
LEVELS = (0.0, 0.2, 0.4)
QUICK_LEVELS = (0.0, 0.4)
STEPS = 3000
SEEDS = 3
ARMS = ("uniform", "drop_bad", "ours")
ABLATIONS = ("cleaned", "kept", "learnt")


def main() -> None:
    """Train, measure, print the curve and one line of JSON."""
    options = _options()
    console = Console(stderr=not os.isatty(1))
    params = load_params(options.params)
    link_models(params, options.cache)
    arms = (*ARMS, *(ABLATIONS if options.ablate else ()))
    clock = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="group_weighting") as folder:
        root = Path(folder)
        learnt, others = halves(known_bursts(options.truth, params.ingest))
        sets = measured(others, list(keyed_bursts(params.ingest)))
        frames = {name: sum(len(burst.frames) for burst in bursts) for name, bursts in sets.items()}
        tests = write_tests(sets, root)
        ensemble = Ensemble(params, options.cache)
        footage = labelled(learnt, ensemble)
        with stage_progress("judges", console) as progress:
            params = with_half_judges(
                params, others, labelled(others, ensemble), root, cache=options.cache, jobs=options.jobs,
                progress=progress,
            )  # fmt: skip
        console.print(f"{len(footage)} labels to learn from, {time.perf_counter() - clock:.0f} s", highlight=False)
        trainings = []
        for level in QUICK_LEVELS if options.quick else LEVELS:
            for seed in range(options.seeds):
                wanted = arms if level or not options.quick else ARMS[:1]
                labels = corrupted(footage, level, seed)
                if wanted != ARMS[:1]:
                    labels = judged(labels, params, jobs=options.jobs)
                console.print(told(labels, level, seed), highlight=False)
                trainings += [prepare(labels, arm, level, seed, params, root, console) for arm in wanted]
        console.print(f"{len(trainings)} trainings, {time.perf_counter() - clock:.0f} s", highlight=False)
        scores = train_all(trainings, tests, params, steps=options.steps, jobs=options.jobs, console=console)
    for table in tables(scores, arms, LEVELS, frames):
        console.print(table)
    console.print(f"{time.perf_counter() - clock:.0f} s in all", highlight=False)
    print(json.dumps(summarise(scores, arms, LEVELS, frames)))


def halves(known: Sequence[Known]) -> tuple[list[Known], list[Known]]:
    """What is learnt from and what is measured on, each with its views: photos and sequences go to either in turn."""
    groups: dict[str, dict[str, int]] = {}
    for one in known:
        dealt = groups.setdefault(one.collection, {})
        dealt.setdefault(one.group, len(dealt))
    scenes = reserved_for_fitting()
    parts = ([one for one in known if groups[one.collection][one.group] % 2 == side] for side in (0, 1))
    learnt, measured = ([*part, *viewed(part, scenes)] for part in parts)
    return learnt, measured


def measured(others: Sequence[Known], keyed: Sequence[Burst]) -> dict[str, list[Burst]]:
    """Set to its bursts; views, whose frames are named so, are a set of their own."""
    sets: dict[str, list[Burst]] = {}
    for one in others:
        sets.setdefault("views" if is_view(one.burst.frames[0]) else one.collection, []).append(one.burst)
    return sets | {"keyed": list(keyed)}


def told(labels: Sequence[Labelled], level: float, seed: int) -> str:
    """What was done to the labels."""
    ious = np.array([entry.iou for entry in labels if entry.damage])
    said = f"level {level}, seed {seed}: {len(ious)} of {len(labels)} labels damaged"
    if not len(ious):
        return said
    kinds = ", ".join(f"{kind} {sum(entry.damage == kind for entry in labels)}" for kind in TYPES)
    severity = f"IoU {ious.min():.2f}-{ious.max():.2f}, mean {ious.mean():.3f}"
    return f"{said}, {severity}, {np.mean(ious > 0.8):.0%} above .8; {kinds}"


def prepare(
    labels: Sequence[Labelled], arm: str, level: float, seed: int, params: Params, root: Path, console: Console
) -> Training:
    """Write what one student learns from."""
    folder = root / f"{arm}-{level}-{seed}"
    folder.mkdir()
    weights = None
    if arm in ("uniform", "drop_bad"):
        rows = believed([label for label in labels if arm == "uniform" or not label.doubted])
        damaged = sum(bool(label.damage) and not label.doubted for label in labels)
        shown = f", {damaged} of them damaged" if arm == "drop_bad" else ""
        console.print(f"  {arm}: {len(rows)} labels{shown}", highlight=False)
    else:
        rows = curated(
            labels, params, folder, annotations="keep" if arm == "kept" else "replace", trust=arm != "cleaned"
        )
        weights = None if arm == "cleaned" else weights_of(folder)
        table = pq.read_table(weights_of(folder)).to_pylist()
        shown = ", ".join(f"{row['group']} {row['weight']:.2f}/{row['band_weight']:.2f}" for row in table)
        console.print(f"  {arm}: {composition(rows, labels)}; weights {shown}", highlight=False)
    # `train` wants something to validate on; it is looked at after the last step and nothing is decided by it
    write_rows(folder / "curated.parquet", [*rows, replace(rows[0], split="val", subject="validation")], CuratedRow)
    return Training(arm, level, seed, folder, weights)


def _options() -> argparse.Namespace:
    parser = truth_parser(__doc__)
    parser.add_argument("--quick", action="store_true", help="40 %% damage and the truth alone")
    parser.add_argument("--ablate", action="store_true", help="also `cleaned`, `kept` and `learnt`")
    parser.add_argument("--steps", type=int, default=STEPS, help="of a training (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="default: %(default)s")
    return parser.parse_args()


if __name__ == "__main__":
    main()
