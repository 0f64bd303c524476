"""A tiny project that every fault is tried on, and processes that may die."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from datasets.faults import KILL, LOG
from datasets.shards import file_digest
from datasets.store import Store
from pipeline.house import FRAME_STAGES, RESULT_STAGES
from tests.tiny import write_project

STAGES = ("fetch", *FRAME_STAGES, *RESULT_STAGES)
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["pipeline.run_stage", "pipeline.results", "pipeline.fetch", "stages.vote", "torch"])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the tests counted with `record_property`, summed over each file: the figures of docs/reliability.md."""
    sums: dict[str, Counter[str]] = {}
    for report in terminalreporter.stats.get("passed", []):
        counts = {name: value for name, value in report.user_properties if isinstance(value, int)}
        if counts:
            sums.setdefault(Path(report.location[0]).name, Counter()).update(counts)
    for name, counted in sorted(sums.items()):
        terminalreporter.write_line(f"{name}: " + ", ".join(f"{value:,} {what}" for what, value in counted.items()))


NOT_REPEATABLE = ("data/evaluate/metrics.json", "data/report/report.html")
"""Files that hold times, which no two runs share: they must be there, whatever their bytes."""


def repeatable(files: Mapping[str, str]) -> dict[str, str]:
    """Digests by file, without those that no two runs share."""
    return {name: "" if name in NOT_REPEATABLE else digest for name, digest in files.items()}


@dataclass(frozen=True)
class FaultyProject:
    """The tiny project; its stages run one at a time, each in a process of its own, on the local runner."""

    root: Path

    def run(self, stage: str, *, kill: str = "", log: Path | None = None) -> int:
        """Run a stage; its exit code (-9 when the fault point `kill`, `NAME:COUNT`, ended it)."""
        process = _PROCESSES.Process(target=_run, args=(self.root, stage, kill, str(log or "")))
        process.start()
        process.join()
        assert process.exitcode is not None
        return process.exitcode

    def finish(self, stage: str) -> dict[str, int]:
        """Run a stage to its end; its units by `computed` and `reused`."""
        assert self.run(stage) == 0, stage
        found: dict[str, int] = json.loads((self.root / "summary.json").read_text())
        return found

    def passed(self, stage: str) -> Counter[str]:
        """How often an undisturbed run of a stage passes each fault point."""
        log = self.root / "points.log"
        log.unlink(missing_ok=True)
        assert self.run(stage, log=log) == 0, stage
        return Counter(log.read_text().splitlines())

    def forget(self, stage: str) -> None:
        """Remove what a stage made, from the project and from the store."""
        for folder in self.outs(stage):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(self.root / ".autoroto" / "store" / stage, ignore_errors=True)
        shutil.rmtree(self.root / ".autoroto" / "checkpoints", ignore_errors=True)
        for name in ("fetched.json", "digests.json"):
            (self.root / ".autoroto" / name).unlink(missing_ok=True)

    def outs(self, stage: str) -> list[Path]:
        """The folders a stage writes."""
        if stage == "fetch":
            return [self.root / "models", self.root / "data" / "raw" / "demo"]
        return [self.root / "data" / stage]

    def bytes_of(self, stage: str) -> dict[str, str]:
        """SHA-256 of every file a stage made, manifest included."""
        files = [path for folder in self.outs(stage) for path in sorted(folder.rglob("*")) if path.is_file()]
        return {str(path.relative_to(self.root)): file_digest(path) for path in files}

    def size_of(self, stage: str) -> int:
        """Bytes of the files a stage made."""
        return sum(path.stat().st_size for folder in self.outs(stage) for path in folder.rglob("*") if path.is_file())

    def committed(self, stage: str) -> int:
        """Units of a stage that the store would give back."""
        store = Store(self.root / ".autoroto" / "store")
        keys = [path.stem for path in (store.root / stage).glob("*.json") if not path.name.startswith(".")]
        return sum(store.lookup(stage, key) is not None for key in keys)


def _run(root: Path, stage: str, kill: str, log: str) -> None:
    os.chdir(root)
    os.environ |= {name: value for name, value in ((KILL, kill), (LOG, log)) if value}
    if stage == "fetch":
        from pipeline.fetch import fetch

        fetch(root, lock=root / "assets.yaml")
        return
    from pipeline.dispatch import dispatch
    from pipeline.params import load_params

    summary = dispatch(stage, load_params(root / "params.yaml").with_runner("local"), root)
    (root / "summary.json").write_text(json.dumps({"computed": summary.computed, "reused": summary.reused}))


@pytest.fixture(scope="session")
def faulty(tmp_path_factory: pytest.TempPathFactory, asset) -> FaultyProject:
    """The tiny project with every stage done."""
    root = tmp_path_factory.mktemp("faulty")
    write_project(root, asset("cap12"))
    project = FaultyProject(root)
    for stage in STAGES:
        assert project.run(stage) == 0, stage
    return project
