"""How much of the machine's speed the house keeps: the stages `detect` and `vote` through Ray against bare models.

Bare is the least that must be done: every frame decoded and in memory, the detectors and teachers called on it one
after another, nothing kept. It is run twice, as one process whose models use two threads and as one process a core with
one thread each, and the faster counts. The pipeline is the whole of both stages through Ray on the same frames in the
same run: shards read and checked, frames decoded, crops cut, votes encoded, shards and manifests committed. Start-up is
apart on both sides: the clock runs from the first worker's first unit to the end of the stage.

`ratio` is bare seconds by pipeline seconds for all default teachers and the detectors, `ratio_cheap` for the two selfie
teachers alone, where overhead cannot hide; they see every frame `CHEAP_TIMES` times under as many names, so that work
flows for half a minute. Rounds alternate; the sums are compared. The last line is JSON.

The frames are those of the project's `data/ingest`; run `dvc repro ingest` first.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing.synchronize import Barrier
from pathlib import Path

import cv2
from rich.console import Console
from rich.table import Table

from datasets.images import Image, decode_grey, decode_rgb
from datasets.manifest import write_manifest
from datasets.receipt import Receipt, StoredFile
from datasets.schema import BoxRow, FrameRow, Row
from datasets.shards import file_digest, read_rows, write_rows
from pipeline.keys import hash_of
from pipeline.params import Params, load_params
from pipeline.ray_head import local_ray
from pipeline.run_log import Summary
from pipeline.shards import shards_of
from stages.vote import confident

ROOT = Path(__file__).resolve().parents[1]
CHEAP = ("selfie", "selfie_landscape")
CHEAP_TIMES = 8
WARM_UP = 3
SPAWN = multiprocessing.get_context("spawn")
CORES = os.cpu_count() or 1


@dataclass(frozen=True)
class Sample:
    """A frame in memory with the boxes that crop teachers look at."""

    image: Image
    boxes: list[tuple[float, ...]]
    mask: Image | None
    background: bool


@dataclass(frozen=True)
class Times:
    """Seconds over all rounds for one set of models."""

    bare: float
    flow: float

    @property
    def ratio(self) -> float:
        return self.bare / self.flow


def main() -> None:
    """Measure, print a table, and one line of JSON."""
    options = _options()
    console = Console(stderr=not os.isatty(1))
    if not (options.root / "data" / "ingest" / "manifest.parquet").exists():
        sys.exit(f"{options.root / 'data' / 'ingest'} is missing: run `dvc repro ingest` in {options.root} first")
    params = load_params(options.root / "params.yaml")
    sets = {"all": teachers_of(params), "cheap": [name for name in CHEAP if name in params.vote.teachers]}
    if options.cheap:
        del sets["all"]
    with tempfile.TemporaryDirectory(prefix="autoroto-overhead-") as folder:
        project = make_project(options.root, Path(folder))
        with local_ray(project / "ray.log") as ray:
            os.environ |= ray  # before the driver's process imports Ray
            found = {}
            for name, teachers in sets.items():
                if name == "cheap":
                    multiply(project, CHEAP_TIMES)
                found[name] = measure(name, teachers, params, project, options.rounds, console)
    console.print(_table(found))
    ratio = round(found["all"].ratio, 4) if "all" in found else None
    print(json.dumps({"ratio": ratio, "ratio_cheap": round(found["cheap"].ratio, 4)}))


def teachers_of(params: Params) -> list[str]:
    """The enabled teachers."""
    return [name for name, teacher in params.vote.teachers.items() if teacher.enabled]


def make_project(root: Path, project: Path) -> Path:
    """A project with the frames and models of `root` and an empty store."""
    for stage in ("ingest", "detect"):
        shutil.copytree(root / "data" / stage, project / "data" / stage)
    (project / "models").symlink_to(root / "models")
    return project


def multiply(project: Path, times: int) -> None:
    """Let the project have every frame and its boxes so many times, each time as another source."""
    names: dict[str, str] = {}  # of ingest shards, old with number to new
    for stage, row_type in (("ingest", FrameRow), ("detect", BoxRow)):
        out, receipts = project / "data" / stage, []
        for shard in shards_of(stage, project):
            rows = list(read_rows(shard.path, row_type))
            for number in range(times):
                key = hash_of([shard.name, number])
                name = names.setdefault(f"{shard.lineage} {number}", f"{key}-000.parquet") if stage == "ingest" else ""
                file = name or f"{key}-000.parquet"
                write_rows(
                    out / file, (replace(row, source=f"{row.source[:-2]}{number:02d}") for row in rows), row_type
                )
                stored = StoredFile(file, file_digest(out / file), (out / file).stat().st_size, len(rows))
                lineage = "" if stage == "ingest" else names[f"{shard.lineage} {number}"]
                label = f"{shard.label} {number}"
                receipts.append(Receipt(stage, "", key, label, lineage, (stored,), inputs=len(rows), done=len(rows)))
        write_manifest(out / "manifest.parquet", receipts)


def copy_of(row: Row, number: int) -> Row:
    """The row under another source; a frame's bytes differ too (behind the end of its JPEG), or it would be known."""
    changes: dict[str, object] = {"source": f"{row.source[:-2]}{number:02d}"}
    if isinstance(row, FrameRow):
        changes["image"] = row.image + bytes([number])
    return replace(row, **changes)


def measure(name: str, teachers: Sequence[str], params: Params, project: Path, rounds: int, console: Console) -> Times:
    """Bare and pipeline in turns."""
    stages = ("detect", "vote") if name == "all" else ("vote",)
    bare = flow = 0.0
    for number in range(rounds):
        flow += run_stages(stages, only(params, teachers), project)
        bare += min(run_bare(name == "all", teachers, params, project, processes) for processes in (1, CORES))
        console.print(f"{name}, round {number + 1}: bare {bare:.1f} s, pipeline {flow:.1f} s so far", highlight=False)
    return Times(bare, flow)


def only(params: Params, teachers: Sequence[str]) -> Params:
    """The params with these teachers only."""
    chosen = {name: params.vote.teachers[name] for name in teachers}
    return params.model_copy(update={"vote": params.vote.model_copy(update={"teachers": chosen})})


def run_stages(stages: Sequence[str], params: Params, project: Path) -> float:
    """Seconds of the stages, start-up apart, in a fresh driver and with nothing of them in the store."""
    seconds = 0.0
    for stage in stages:
        shutil.rmtree(project / params.pipeline.store / stage, ignore_errors=True)
        with ProcessPoolExecutor(1, SPAWN) as driver:
            seconds += driver.submit(drive, stage, params, project).result().flow_seconds
    return seconds


def drive(stage: str, params: Params, project: Path) -> Summary:
    """Run a stage in this process."""
    from pipeline.run_stage import run_stage

    return run_stage(stage, params, project)


def run_bare(detect: bool, teachers: Sequence[str], params: Params, project: Path, processes: int) -> float:
    """Seconds that `processes` processes need for all frames; all begin together, when all are ready."""
    context = SPAWN
    barrier, results = context.Barrier(processes), context.Queue()
    workers = [
        context.Process(target=bare, args=(detect, teachers, params, project, part, processes, barrier, results))
        for part in range(processes)
    ]
    for worker in workers:
        worker.start()
    spans = [results.get(timeout=3600) for _ in workers]
    for worker in workers:
        worker.join()
    return max(end for _, end in spans) - min(start for start, _ in spans)


def bare(
    detect: bool, teachers: Sequence[str], params: Params, project: Path, part: int, parts: int, barrier: Barrier,
    results: multiprocessing.Queue[tuple[float, float]],
) -> None:  # fmt: skip
    """One process: every `parts`-th frame through the detectors and every teacher."""
    threads = 1 if parts > 1 else CORES
    cv2.setNumThreads(threads)
    samples = read_samples(project, params)[part::parts]
    people = [sample for sample in samples if not sample.background]
    detectors = (
        [detector.open(project, threads=threads) for detector in params.detect.detectors.values()] if detect else []
    )
    opened = [_threaded(params, name, threads).open(project) for name in teachers]
    for sample in people[:WARM_UP]:
        for detector in detectors:
            detector.detect(sample.image)
        for teacher in opened:
            teacher.predict(sample.image, sample.boxes, sample.mask)
    barrier.wait()
    start = time.time()
    for detector in detectors:
        for sample in samples:
            detector.detect(sample.image)
    for teacher in opened:
        for sample in people:
            teacher.predict(sample.image, sample.boxes, sample.mask)
    results.put((start, time.time()))


def _threaded(params: Params, name: str, threads: int):  # type: ignore[no-untyped-def]
    teacher = params.vote.teachers[name]
    return teacher.model_copy(update={"threads": threads}) if hasattr(teacher, "threads") else teacher


def read_samples(project: Path, params: Params) -> list[Sample]:
    """All frames, decoded, with the boxes that the pipeline found."""
    boxes = {row.frame_key: row for shard in shards_of("detect", project) for row in read_rows(shard.path, BoxRow)}
    return [
        Sample(
            decode_rgb(row.image),
            [tuple(box) for box in confident(boxes.get(row.frame_key), params.vote.min_box_score)],
            decode_grey(row.mask) if row.mask else None,
            row.role == "background",
        )
        for shard in shards_of("ingest", project)
        for row in read_rows(shard.path, FrameRow)
    ]


def _table(found: dict[str, Times]) -> Table:
    table = Table(title=f"Bare models against the pipeline, {CORES} cores")
    for name in ("models", "bare s", "pipeline s", "ratio"):
        table.add_column(name, justify="left" if name == "models" else "right")
    for name, times in found.items():
        table.add_row(name, f"{times.bare:.1f}", f"{times.flow:.1f}", f"{times.ratio:.3f}")
    return table


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=ROOT, metavar="DIR", help="the project (default: this checkout)")
    parser.add_argument("--rounds", type=int, default=2, help="default: %(default)s")
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("--cheap", action="store_true", help="the two selfie teachers only; `ratio` is null")
    options = parser.parse_args()
    options.rounds = 1 if options.quick else options.rounds
    return options


if __name__ == "__main__":
    main()
