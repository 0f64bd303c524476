"""The quick part of crash equality: a toy stage killed at every point it passes. `tests/faults` has the real stages."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from datasets.faults import KILL, LOG
from datasets.store import Store
from pipeline import run_stage
from pipeline.params import Params, PipelineConfig
from pipeline.plan import Plan
from pipeline.work import StageSpec, Unit
from tests.pipeline.toys import ToyConfig

PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["pipeline.run_stage", "tests.pipeline.toys"])
POINTS = {
    "work.item", "shard.opened", "shard.row_group", "shard.closing", "commit.file", "commit.placed", "commit.receipt",
    "commit.done", "write.temporary", "write.renamed", "publish.begun", "publish.cleared", "publish.linked",
    "link.temporary", "link.renamed",
}  # fmt: skip


def run(root: Path, kill: str = "", log: str = "") -> int:
    """Run the toy stage over two units in a process that may die; its exit code."""
    process = PROCESSES.Process(target=_run, args=(root, kill, log))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _run(root: Path, kill: str, log: str) -> None:
    os.environ |= {name: value for name, value in ((KILL, kill), (LOG, log)) if value}
    spec = StageSpec("tests.pipeline.toys:Toy", ToyConfig(trouble={1: "drop"}), root)
    units = tuple(Unit("toy", "", f"k{n}", f"film {n}", "l", (Path(f"film-{n}"),), n) for n in (2, 3))
    run_stage.plan = lambda *_, **__: [Plan(spec, units)]
    run_stage.run_stage("toy", Params(pipeline=PipelineConfig(runner="local")), root)


def made(root: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (root / "data" / "toy").iterdir()}


def committed(root: Path) -> set[str]:
    store = Store(root / ".autoroto" / "store")
    return {key for key in ("k2", "k3") if store.lookup("toy", key)}


@pytest.mark.parametrize("last", [False, True], ids=["first", "last"])
@pytest.mark.parametrize("point", sorted(POINTS))
def test_killed_at_any_point_the_next_run_ends_with_the_same_bytes(point: str, last: bool, tmp_path: Path) -> None:
    whole, log = tmp_path / "whole", tmp_path / "points.log"
    assert run(whole, log=str(log)) == 0
    passed = Counter(log.read_text().splitlines())
    assert passed.keys() == POINTS, "a point that is lost would take its test with it, a new one has none yet"
    killed = tmp_path / "killed"
    assert run(killed, kill=f"{point}:{passed[point] if last else 1}") == -signal.SIGKILL
    kept = {key: (killed / ".autoroto" / "store" / "toy" / f"{key}.json").stat().st_ino for key in committed(killed)}
    assert run(killed) == 0
    assert made(killed) == made(whole)
    for key, inode in kept.items():
        receipt = killed / ".autoroto" / "store" / "toy" / f"{key}.json"
        assert receipt.stat().st_ino == inode, "what was committed is not computed again"
