"""What do groups and weights save when labels are wrong? The student, trained on the same footage with damaged labels.

Footage with truth (every second photo and every second sequence of the truth folder) is labelled by an "annotator" who
is right but for a share of the labels: these carry typed damage (`damage.py`), whole bursts of video at a time. The
student learns from them four times:

- `clean`: from the truth itself.
- `uniform`: from the damaged labels, every one believed alike.
- `drop_bad`: from those that the judge does not doubt (quality of at least `score.doubtful_below`), believed alike.
- `ours`: as the pipeline would. The real stages score every label against the votes, take an audit of at most 5 % of
  the frames (truth plays the reviewer), curate, and write the weights of the groups; trust is per pixel.

Nothing that a project without truth would not know decides in the last two. `--ablate` adds `groups` (weights of
groups, without trust per pixel), `trust` (the other way round) and `learnt` (`ours`, its weights learnt on). Students
are measured on the other half of the photos and sequences and on the keyed clip: foreground IoU at the student's size,
first frames without a prior, mean over the frames of a set and then over the sets. Seeds draw the damage, the student's
start and the order of its batches. The last line is JSON: of the gap between `clean` and `uniform`, the part that
`ours` gains back, and the gap in standard deviations of the seeds (pooled over the two).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from corrupted import (
    Labelled,
    believed,
    composition,
    corrupted,
    curated,
    labelled,
    small_frame,
    student_row,
    weights_of,
)
from damage import TYPES
from ensemble import Ensemble, link_models
from labels import keyed_bursts
from rich.console import Console
from rich.table import Table
from truth import DEFAULT, Burst, read_bursts, truth_sets

from datasets.images import decode_grey
from datasets.schema import CuratedRow, FrameRow
from datasets.shards import write_rows
from pipeline.params import Params, load_params
from pipeline.progress import stage_progress
from training.letterbox import resize

ROOT = Path(__file__).resolve().parents[1]
SIZE, DEPTHS = (96, 128), (1, 1, 2, 2)
"""Height and width of the student's frames, and its bottlenecks a level: a small student learns in two minutes."""
LEVELS = (0.2, 0.4)
SEEDS = 3
ARMS = ("clean", "uniform", "drop_bad", "ours")
ABLATIONS = ("groups", "trust", "learnt")

Scores = dict[tuple[str, float, int], dict[str, float]]
"""(arm, level, seed) to the IoU on each set; `clean` is at level 0."""


@dataclass(frozen=True)
class Training:
    """One student to be trained: its arm, level of damage and seed, and where its data lies."""

    arm: str
    level: float
    seed: int
    folder: Path
    weights: Path | None


def main() -> None:
    """Train, measure, print the curve and one line of JSON."""
    options = _options()
    console = Console(stderr=not os.isatty(1))
    params = load_params(options.params)
    link_models(params, options.cache)
    arms = (*ARMS, *(ABLATIONS if options.ablate else ()))
    levels = LEVELS[-1:] if options.quick else LEVELS
    clock = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="group_weighting") as folder:
        root = Path(folder)
        learnt, measured = halves(options.truth, params)
        tests = write_tests(measured | {"keyed": list(keyed_bursts(params.ingest))}, root)
        footage = labelled(learnt, Ensemble(params, options.cache), params)
        console.print(f"{len(footage)} labels to learn from, {time.perf_counter() - clock:.0f} s", highlight=False)
        trainings = [prepare(footage, "clean", 0.0, seed, params, root, console) for seed in range(options.seeds)]
        for level in levels:
            for seed in range(options.seeds):
                damaged = corrupted(footage, level, seed, params)
                console.print(told(damaged, level, seed), highlight=False)
                trainings += [
                    prepare(damaged, arm, level, seed, params, root, console) for arm in arms if arm != "clean"
                ]
        scores = train_all(trainings, tests, params, options, console)
    summary = summarise(scores, levels)
    for table in tables(scores, arms, levels):
        console.print(table)
    console.print(f"{time.perf_counter() - clock:.0f} s in all", highlight=False)
    print(json.dumps(summary))


def halves(truth: Path, params: Params) -> tuple[list[Burst], dict[str, list[Burst]]]:
    """Bursts to learn from and, by set, to measure on: photos and sequences go to either in turn."""
    learnt: list[Burst] = []
    measured: dict[str, list[Burst]] = {}
    for name, folders in truth_sets(truth).items():
        read = [list(read_bursts(folder, params.ingest)) for folder in folders]
        units = read if len(read) > 1 else [[burst] for burst in read[0]]
        learnt += [burst for unit in units[::2] for burst in unit]
        measured[name] = [burst for unit in units[1::2] for burst in unit]
    return learnt, measured


def write_tests(sets: Mapping[str, Sequence[Burst]], root: Path) -> dict[str, Path]:
    """A shard of test frames with their truth for each set."""
    shards = {}
    for name, bursts in sets.items():
        shards[name] = root / f"test-{name}.parquet"
        rows = [
            _test_row(frame, truth) for burst in bursts for frame, truth in zip(burst.frames, burst.truths, strict=True)
        ]
        write_rows(shards[name], rows, CuratedRow)
    return shards


def _test_row(frame: FrameRow, truth: bytes) -> CuratedRow:
    small = small_frame(frame, subject="test")
    return student_row(small, resize(decode_grey(truth), (small.height, small.width)), split="val")


def told(damaged: Sequence[Labelled], level: float, seed: int) -> str:
    """What was done to the labels."""
    kinds = {kind: sum(entry.damage == kind for entry in damaged) for kind in TYPES}
    ious = [entry.iou for entry in damaged if entry.damage]
    return (
        f"level {level}, seed {seed}: {len(ious)} of {len(damaged)} labels damaged, "
        f"IoU {min(ious):.2f}-{max(ious):.2f}, mean {np.mean(ious):.3f}, {np.mean(np.array(ious) > 0.8):.0%} above .8; "
        + ", ".join(f"{kind} {count}" for kind, count in kinds.items())
    )


def prepare(
    labels: Sequence[Labelled], arm: str, level: float, seed: int, params: Params, root: Path, console: Console
) -> Training:
    """Write what one student learns from."""
    folder = root / f"{arm}-{level}-{seed}"
    folder.mkdir()
    weights = None
    if arm in ("groups", "ours", "learnt"):
        rows = curated(labels, params, folder, trust=arm != "groups")
        weights = weights_of(folder)
        told_weights = ", ".join(
            f"{row['group']} {row['weight']:.2f}/{row['band_weight']:.2f}" for row in pq.read_table(weights).to_pylist()
        )
        console.print(f"  {arm}: {composition(rows, labels)}; weights {told_weights}", highlight=False)
    else:
        least = params.score.doubtful_below if arm == "drop_bad" else 0.0
        rows = believed(labels, least_quality=least, trust=arm == "trust")
    # `train` wants something to validate on; it is looked at after the last step and nothing is decided by it
    write_rows(folder / "curated.parquet", [*rows, replace(rows[0], split="val", subject="validation")], CuratedRow)
    return Training(arm, level, seed, folder, weights)


def train_all(
    trainings: Sequence[Training],
    tests: Mapping[str, Path],
    params: Params,
    options: argparse.Namespace,
    console: Console,
) -> Scores:
    """Train every student; their IoU on the test sets."""
    trainings = sorted(trainings, key=lambda training: training.seed)  # one comparison after the other is complete
    work = [(training, dict(tests), params, options.steps) for training in trainings]
    scores: Scores = {}
    pool = ProcessPoolExecutor(options.jobs, multiprocessing.get_context("spawn"))
    with pool, stage_progress("train", console) as progress:
        for done, (training, ious) in enumerate(zip(trainings, pool.map(_train, work), strict=True), start=1):
            scores[training.arm, training.level, training.seed] = ious
            shown = ", ".join(f"{name} {value:.4f}" for name, value in ious.items())
            console.print(f"{training.arm} {training.level} seed {training.seed}: {shown}", highlight=False)
            progress(done, len(work), training.arm)
    return scores


def _train(work: tuple[Training, dict[str, Path], Params, int]) -> dict[str, float]:
    """One student's IoU on every test set. Imports torch in the child only."""
    from training.data import find_rows, read_weights
    from training.train import train
    from training.validate import read_validation, validation_iou
    from training.weights import load_student

    training, tests, params, steps = work
    config = params.train.model_copy(
        update={
            "seed": training.seed,
            "steps": steps,
            "coarse_steps": steps // 3,
            "validate_every": steps,  # the last average is the student: nothing is chosen by validation
            "checkpoint_every": steps + 1,
            "device": "cpu",
            "threads": 1,
            "model": params.train.model.model_copy(update={"height": SIZE[0], "width": SIZE[1], "depths": DEPTHS}),
            "batch": params.train.batch.model_copy(update={"size": 16, "curated_share": 1.0}),
            "weighting": params.train.weighting.model_copy(update={"learn": training.arm == "learnt"}),
        }
    )
    out = training.folder / "student"
    train(
        config=config,
        clips=[],
        curated=[training.folder / "curated.parquet"],
        weights=training.weights,
        out=out,
        checkpoints=training.folder / "checkpoints",
    )
    model, every = load_student(out), read_weights(None)
    found = {}
    for name, shard in tests.items():
        places = find_rows([shard], CuratedRow, split="val", weights=every)
        found[name] = validation_iou(model, read_validation([], places, SIZE, limit=len(places)))
    return found


def summarise(scores: Scores, levels: Sequence[float]) -> dict[str, object]:
    """The line of JSON."""
    clean = _over_seeds(scores, "clean", 0.0)
    recovered: dict[str, float | None] = {str(level): None for level in LEVELS}
    ious: dict[str, object] = {"clean": round(float(clean.mean()), 4)}
    for level in levels:
        names = sorted({arm for arm, at, _ in scores if at == level})
        means = {arm: round(float(_over_seeds(scores, arm, level).mean()), 4) for arm in names}
        ious[str(level)] = means
        uniform, ours = (_over_seeds(scores, arm, level) for arm in ("uniform", "ours"))
        recovered[str(level)] = round(float((ours.mean() - uniform.mean()) / (clean.mean() - uniform.mean())), 3)
    worst = _over_seeds(scores, "uniform", levels[-1])
    deviation = float(np.sqrt((clean.var(ddof=1) + worst.var(ddof=1)) / 2)) if len(clean) > 1 else float("nan")
    return {
        "gap_recovered": recovered,
        "gap_sd": round(float(clean.mean() - worst.mean()) / deviation, 2),
        "iou": ious,
    }


def _over_seeds(scores: Scores, arm: str, level: float) -> np.ndarray:
    """Mean over the sets, of every seed."""
    return np.array([np.mean(list(ious.values())) for key, ious in sorted(scores.items()) if key[:2] == (arm, level)])


def tables(scores: Scores, arms: Sequence[str], levels: Sequence[float]) -> list[Table]:
    """The curve: an arm's IoU (mean and standard deviation over seeds) at every level; the same for each set."""
    sets = list(next(iter(scores.values())))
    found = []
    for name in ("mean of the sets", *sets):
        table = Table("learnt from", "0", *map(str, levels), title=name)
        for arm in arms:
            cells = []
            for level in (0.0, *levels):
                ious = [
                    float(np.mean(list(values.values()))) if name not in sets else values[name]
                    for key, values in scores.items()
                    if key[:2] == (arm, level)
                ]
                deviation = np.std(ious, ddof=1) if len(ious) > 1 else float("nan")
                cells.append(f"{np.mean(ious):.4f} ± {deviation:.4f}" if ious else "")
            table.add_row(arm, *cells)
        found.append(table)
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="40 %% damage only")
    parser.add_argument("--ablate", action="store_true", help="also `groups`, `trust` and `learnt`")
    parser.add_argument("--truth", type=Path, default=DEFAULT, metavar="DIR", help="default: %(default)s")
    parser.add_argument(
        "--params", type=Path, default=ROOT / "params.yaml", metavar="FILE", help="default: %(default)s"
    )
    parser.add_argument(
        "--cache",
        type=Path,
        default=ROOT / ".autoroto" / "bench" / "labels",
        metavar="DIR",
        help="where boxes and votes are kept between runs (default: %(default)s)",
    )
    parser.add_argument("--steps", type=int, default=900, help="of a training (default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="default: %(default)s")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: %(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
