"""The `report` stage: hand the files of all other stages to `qa.report`."""

from __future__ import annotations

import json
import time
from pathlib import Path

from pipeline.house import FRAME_STAGES
from pipeline.params import Params
from pipeline.publish import clear
from pipeline.run_log import Summary, log_path
from pipeline.shards import shards_of
from qa.report import ReportInputs, write_report


def run_report(params: Params, root: Path) -> Summary:
    """Write `data/report/report.html` from whatever has been run; what has not is said in the page."""
    started, clock = time.time(), time.perf_counter()
    data = root / "data"
    manifests = {stage: data / stage / "manifest.parquet" for stage in FRAME_STAGES}
    votes: dict[str, list[Path]] = {}
    for path in _paths(manifests["vote"], root):
        votes.setdefault(path.parent.name, []).append(path)
    inputs = ReportInputs(
        manifests=manifests,
        frames=_paths(manifests["ingest"], root),
        labels=_paths(manifests["fuse"], root),
        quality=_paths(manifests["score"], root),
        curated=_paths(manifests["curate"], root),
        votes=votes,
        metrics=data / "evaluate" / "metrics.json",
        history=data / "train" / "history.csv",
        samples=data / "evaluate" / "samples.parquet",
        keyed_clip=data / "evaluate" / "keyed_clip.parquet",
        run_log=log_path(root),
        parity=data / "export" / "parity.json",
        params=json.loads(params.model_dump_json()),
        memory=root / ".autoroto" / "report",
    )
    out = data / "report"
    out.mkdir(parents=True, exist_ok=True)
    clear(out, {"report.html"})  # what a killed run left
    write_report(inputs=inputs, out=out / "report.html")
    seconds = time.perf_counter() - clock
    return Summary(
        stage="report", started=started, seconds=seconds, start_seconds=0.0, units=1, computed=1, reused=0, frames=0,
        inputs=1, done=1, dropped=0, failed=0, worker_seconds=seconds, model_seconds=0.0, workers=1,
    )  # fmt: skip


def _paths(manifest: Path, root: Path) -> list[Path]:
    return [shard.path for shard in shards_of(manifest.parent.name, root)] if manifest.exists() else []
