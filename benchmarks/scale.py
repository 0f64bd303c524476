"""What the house costs as the archive grows: a null teacher over synthetic frames, 10^3 to 10^6 of them.

The frames are tiny and the teacher looks at nothing, so all that is left is what every unit of work costs: planning,
looking keys up, travelling through Ray, reading and writing shards, committing, linking, the manifest. Each size is a
project of its own, made for the measurement and removed afterwards: synthetic `ingest` and `detect` shards in the real
store, then the real stage `vote` on the real Ray runner, in a fresh process; then once more, with nothing to do: every
key is looked up, every stored vote hashed, every link and the manifest made again. Last, the stage under DVC: the first
`dvc repro` hashes all files for its cache, the second has nothing to do.

Columns: units (shards), overhead in worker milliseconds a shard and a frame while work flows (start-up apart), seconds
and files of the run, peak memory of the driver, size of the manifest, seconds of the run that has nothing to do, the
same through `dvc repro` (which does not even start the stage), and what DVC's first hashing took.
`--full` adds 10^6 frames (some minutes on two cores).

The last line is JSON: `rss_growth` (the driver's memory from 10^4 frames to the most, as a share), `noop_seconds_1e6`
(null without `--full`), and by number of frames `overhead_ms_per_shard`, `noop_seconds`, `dvc_noop_seconds`,
`driver_mb`, `files` and `manifest_bytes`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from rich.console import Console
from rich.table import Table

from datasets.images import encode_jpeg
from datasets.manifest import Ledger
from datasets.receipt import Receipt, StoredFile
from datasets.schema import BoxRow, FrameRow, Row
from datasets.shards import write_rows
from datasets.store import Store
from pipeline.params import Params
from pipeline.progress import stage_progress
from pipeline.publish import publish

SIZES, QUICK_SIZES, FULL = (10**3, 10**4, 10**5), (10**3, 10**4), 10**6
BURST = 8
IMAGE = encode_jpeg(np.full((18, 32, 3), 128, np.uint8), quality=90)


@dataclass(frozen=True)
class Run:
    """One run of the stage in a process of its own."""

    units: int
    workers: int
    seconds: float
    flow_seconds: float  # from the first finished unit to the last
    driver_bytes: int


@dataclass(frozen=True)
class Measured:
    """One size of archive."""

    frames: int
    run: Run
    noop: Run
    files: int
    manifest_bytes: int
    dvc_first: float
    dvc_noop: float

    @property
    def shard_ms(self) -> float:
        """Worker milliseconds a shard while work flows."""
        return 1000 * self.run.flow_seconds * self.run.workers / max(1, self.run.units - 1)


def main() -> None:
    """Measure, print a table, and one line of JSON."""
    options = _options()
    console = Console(stderr=not os.isatty(1), width=None if os.isatty(2) else 120)
    sizes = QUICK_SIZES if options.quick else (*SIZES, FULL) if options.full else SIZES
    measured = []
    for frames in sizes:
        folder = Path(tempfile.mkdtemp(prefix="autoroto-scale-", dir=options.folder))
        try:
            measured.append(measure(frames, folder, console))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        console.print(_table(measured))
    print(json.dumps(figures(measured)))


def measure(frames: int, root: Path, console: Console) -> Measured:
    """Make a project with so many frames, run the null teacher over it, then run it again."""
    params = null_params()
    with stage_progress(f"{frames} synthetic frames", console) as progress:
        make_frames(frames, root, params, progress)
    runs = []
    for _ in range(2):
        with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as driver:
            runs.append(driver.submit(run_vote, root, params).result())
    files = sum(len(names) for _, _, names in os.walk(root / "data" / "vote"))
    manifest = (root / "data" / "vote" / "manifest.parquet").stat().st_size
    return Measured(frames, runs[0], runs[1], files, manifest, *run_dvc(root, params))


def null_params() -> Params:
    """One teacher, which looks for masks that no synthetic frame has and abstains."""
    return Params.model_validate({"vote": {"teachers": {"null": {"runtime": "annotation"}}}})


def make_frames(frames: int, root: Path, params: Params, progress: object) -> None:
    """The outs of `ingest` and `detect` for so many frames, committed to the store as those stages would."""
    store = root / params.pipeline.store
    size = params.pipeline.shard_frames
    counts = [min(size, frames - start) for start in range(0, frames, size)]
    receipts = {"ingest": Ledger(), "detect": Ledger()}
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        made = pool.map(commit_shard, [store] * len(counts), range(len(counts)), counts, chunksize=16)
        for done, (ingest, detect) in enumerate(made, start=1):
            receipts["ingest"].add(ingest)
            receipts["detect"].add(detect)
            progress(done, len(counts), "")  # type: ignore[operator]
    for stage, found in receipts.items():
        publish(stage, found, (), Store(store), params, root)


def commit_shard(root: Path, index: int, frames: int) -> tuple[Receipt, Receipt]:
    """One shard of frames and one of boxes for them."""
    store, source = Store(root), hashlib.sha256(f"synthetic {index}".encode()).hexdigest()
    places = [{"source": source, "clip": 0, "burst": n // BURST, "time_us": n * 40_000} for n in range(frames)]
    rows: dict[str, list[Row]] = {
        "ingest": [FrameRow(**at, **_FRAME, path=f"{index}.mp4", name=f"{at['time_us']:012d}") for at in places],
        "detect": [BoxRow(**at, boxes=[[0.3, 0.2, 0.7, 1.0]], scores=[0.9], support=[2]) for at in places],
    }
    lineage, found = "", []
    for stage, values in rows.items():
        key = hashlib.sha256(f"{stage} {source}".encode()).hexdigest()[:32]
        name = f"{key}-000.parquet"
        with store.staging() as staged:
            count = write_rows(staged / name, values, type(values[0]))
            files = (StoredFile(name, "", 0, count),)
            receipt = Receipt(stage, "", key, f"{index}.mp4", lineage, files, inputs=count, done=count)
            found.append(store.commit(staged, receipt))
        lineage = lineage or name
    return found[0], found[1]


_FRAME = {
    "width": 32, "height": 18, "source_width": 32, "source_height": 18, "image": IMAGE, "blur": 1.0, "duplicate": 64.0,
    "subject": "nobody", "licences": ["CC0-1.0"], "origin": "synthetic", "split": "train", "role": "footage",
    "mask": b"", "truth": b"",
}  # fmt: skip


def run_vote(root: Path, params: Params) -> Run:
    """Run the stage in this process, which should be a fresh one."""
    from pipeline.run_ray import connect
    from pipeline.run_stage import run_stage

    if not (root / "data" / "vote" / "manifest.parquet").exists():
        connect()  # starting Ray is no part of the overhead of a shard; with nothing to do it is never started
    ticks: list[tuple[int, float]] = []
    start = time.perf_counter()
    summary = run_stage("vote", params, root, progress=lambda done, *_: _tick(ticks, done))
    seconds = time.perf_counter() - start
    flow = [moment for done, moment in ticks if done]
    driver = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return Run(summary.units, summary.workers, seconds, flow[-1] - flow[0], driver)


def run_dvc(root: Path, params: Params) -> tuple[float, float]:
    """Seconds of the first `dvc repro` after the stage was done, and of the next, which has nothing to do."""
    (root / "params.yaml").write_text(yaml.safe_dump(params.model_dump(mode="json")))
    stage = {"cmd": "exec autoroto run vote", "deps": ["data/ingest", "data/detect"], "params": ["vote"]}
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"vote": stage | {"outs": ["data/vote"]}}}))
    for setting in (
        ("init", "--no-scm"),
        ("config", "cache.type", "hardlink,copy"),
        ("config", "core.analytics", "false"),
    ):
        dvc(root, *setting)
    return dvc(root, "repro"), dvc(root, "repro")


def dvc(root: Path, *command: str) -> float:
    """Seconds of a DVC command in `root`."""
    scripts = Path(sys.executable).parent
    start = time.perf_counter()
    subprocess.run(
        [str(scripts / "dvc"), *command, "-q"], cwd=root, check=True,
        env=os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"},
    )  # fmt: skip
    return time.perf_counter() - start


def _tick(ticks: list[tuple[int, float]], done: int) -> None:
    """Keep the first and the last finished unit only."""
    if len(ticks) >= 2:
        ticks.pop()
    if done:
        ticks.append((done, time.perf_counter()))


def figures(measured: Sequence[Measured]) -> dict[str, object]:
    """What the last line says; `noop_seconds_1e6` is measured or null."""
    base = next((entry for entry in measured if entry.frames >= 10**4), measured[0])
    noop = {entry.frames: round(entry.noop.seconds, 2) for entry in measured}
    return {
        "rss_growth": round(measured[-1].run.driver_bytes / base.run.driver_bytes - 1, 4),
        "noop_seconds_1e6": noop.get(FULL),
        "overhead_ms_per_shard": {str(entry.frames): round(entry.shard_ms, 2) for entry in measured},
        "dvc_noop_seconds": {str(entry.frames): round(entry.dvc_noop, 2) for entry in measured},
        "noop_seconds": {str(frames): seconds for frames, seconds in noop.items()},
        "driver_mb": {str(entry.frames): round(entry.run.driver_bytes / 2**20, 1) for entry in measured},
        "files": {str(entry.frames): entry.files for entry in measured},
        "manifest_bytes": {str(entry.frames): entry.manifest_bytes for entry in measured},
    }


def _table(measured: Sequence[Measured]) -> Table:
    table = Table(title="A null teacher over synthetic frames")
    for name in (
        "frames",
        "units",
        "ms/shard",
        "ms/frame",
        "run s",
        "files",
        "driver MB",
        "manifest KB",
        "no-op s",
        "dvc s",
        "dvc first s",
    ):
        table.add_column(name, justify="right")
    for entry in measured:
        per_frame = entry.shard_ms * entry.run.units / entry.frames
        table.add_row(
            f"{entry.frames:,}", f"{entry.run.units:,}", f"{entry.shard_ms:.1f}", f"{per_frame:.2f}",
            f"{entry.run.seconds:.1f}", f"{entry.files:,}", f"{entry.run.driver_bytes / 2**20:.0f}",
            f"{entry.manifest_bytes / 1024:.0f}", f"{entry.noop.seconds:.1f}", f"{entry.dvc_noop:.1f}",
            f"{entry.dvc_first:.1f}",
        )  # fmt: skip
    return table


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="10^3 and 10^4 frames only")
    parser.add_argument("--full", action="store_true", help="10^6 frames too")
    parser.add_argument(
        "--folder", type=Path, default=None, metavar="DIR", help="where projects are made (default: temporary files)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
