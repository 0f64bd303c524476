"""The small students of the comparison of weights: their test frames, their training, their IoU."""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from calm import calmed
from corrupted import small_frame, student_row
from rich.console import Console
from weighting_figures import Scores

from datasets.images import decode_grey
from datasets.schema import CuratedRow, FrameRow
from datasets.shards import write_rows
from pipeline.params import Params
from pipeline.progress import stage_progress
from pipeline.truth import Burst
from training.letterbox import resize

SIZE, DEPTHS = (96, 128), (1, 1, 2, 2)
"""Height and width of the student's frames, and its bottlenecks a level: a small student learns in minutes."""
BATCH = 16


@dataclass(frozen=True)
class Training:
    """One student to be trained: its arm, level of damage and seed, and where its data lies."""

    arm: str
    level: float
    seed: int
    folder: Path
    weights: Path | None


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


def train_all(
    trainings: Sequence[Training],
    tests: Mapping[str, Path],
    params: Params,
    *,
    steps: int,
    jobs: int,
    console: Console,
) -> Scores:
    """Train every student; their IoU on the test sets."""
    trainings = sorted(trainings, key=lambda training: training.seed)  # one comparison after the other is complete
    work = [(training, dict(tests), params, steps) for training in trainings]
    scores: Scores = {}
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"))
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
    calm = calmed(params.train)  # what a student makes of wrong labels shows only where it learns its frames well
    config = calm.model_copy(
        update={
            "seed": training.seed,
            "steps": steps,
            "coarse_steps": steps // 3,
            "validate_every": steps,  # the last average is the student: nothing is chosen by validation
            "checkpoint_every": steps + 1,
            "device": "cpu",
            "threads": 1,
            "model": params.train.model.model_copy(update={"height": SIZE[0], "width": SIZE[1], "depths": DEPTHS}),
            "batch": params.train.batch.model_copy(update={"size": BATCH, "curated_share": 1.0}),
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
