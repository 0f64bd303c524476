"""Measure the student beside every teacher and the fused label, and time it beside MediaPipe selfie landscape."""

from __future__ import annotations

import functools
import itertools
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from training.breakdown import Resampling
from training.compare import STUDENT, milliseconds, run_student
from training.config import EvaluateConfig, ExportConfig
from training.evaluation_set import EvaluationShards, find_keyed, find_test, read_keyed, read_test
from training.evaluation_tables import EvaluationTables
from training.export import MODEL, export
from training.findings import add_findings
from training.prior_lock import SpreadBursts
from training.retraining import EARLIER, earlier_student
from training.runtime import Student
from training.scores import score_burst

__all__ = ["EvaluateConfig", "EvaluationShards", "evaluate"]


def evaluate(
    *,
    config: EvaluateConfig,
    student: Path,
    shards: EvaluationShards,
    out: Path,
    root: Path = Path(),
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Measure the student in folder `student` and write into `out`:

    `metrics.json` (set to method to metric, milliseconds, and `intervals` and `scenarios`, see `training.breakdown`),
    `frames.csv` (one row a frame and method), `scenarios.csv`, `plots/methods.csv` and `plots/keyed_iou.csv`,
    `samples.parquet` and `keyed_clip.parquet` (pictures for the report).

    The sets are `keyed`, the keyed test clip with its exact alpha, and `test`, the test split with its curated labels.
    `metrics.json` also says how the student takes its prior and, where it started from an earlier student
    (`train.init_from`), which is then measured as the method `earlier`, what was gained and lost.
    Every frame's metrics are taken at the frame's own size. The student runs as it ships, exported, through each burst.

    Args:
        root: the project's root, where `config.landscape` lies.
        progress: called with (bursts done, bursts).

    Raises:
        ValueError: there is nothing to measure on.
        FileNotFoundError: the student or MediaPipe's model is missing.
    """
    keyed, test = find_keyed(shards), find_test(shards, max_frames=config.max_frames)
    if not keyed and not test:
        raise ValueError(
            f"{len(shards.frames)} frame and {len(shards.curated)} curated shards hold no keyed test clip and no "
            "frames of split test: pin a subject to `split: test` in its sidecar"
        )
    runtime = _exported(student)
    before = earlier_student(student, root)
    students = {STUDENT: runtime, **({EARLIER: _exported(before)} if before else {})}
    counts = {"keyed": len(keyed), "test": len(test)}
    spread = SpreadBursts(counts)
    tables = EvaluationTables(counts, config.samples, Resampling(config.resamples, config.seed))
    bursts = itertools.chain(read_keyed(shards, keyed), read_test(shards, test))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, burst in enumerate(bursts, start=1):
            found = {**burst.methods, **{name: run_student(each, burst) for name, each in students.items()}}
            spread.add(burst)
            score = functools.partial(score_burst, truths=burst.truths, images=burst.images)
            tables.add(burst, found, dict(zip(found, pool.map(score, found.values()), strict=True)))
            image = burst.images[0]
            if progress is not None:
                progress(done, len(keyed) + len(test))
    tables.write(out, milliseconds(runtime, root / config.landscape, image, rounds=config.timing_rounds))
    add_findings(out / "metrics.json", runtime, spread.kept)


def _exported(student: Path) -> Student:
    with tempfile.TemporaryDirectory() as folder:
        export(config=ExportConfig(), student=student, out=Path(folder))
        return Student(Path(folder) / MODEL)
