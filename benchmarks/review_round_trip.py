"""How long `autoroto review push` and `pull` take, and what memory: 1,000 tasks at 720p, and 1,000 submitted fixes.

    python benchmarks/review_round_trip.py [--tasks 1000] [--root PROJECT]

starts a Label Studio of its own with a fresh database (or takes the one that `autoroto review serve` runs for PROJECT),
draws a project, pushes it, lets a reviewer paint into every mask, and pulls.

The last line is JSON: `tasks`, `push_seconds`, `push_peak_mb`, `push_again_seconds`, `pull_seconds`, `pull_peak_mb`,
`decisions` and `pull_again_seconds`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[1]))

from datasets.reviews import read_decisions
from pipeline.review.access import SERVED, TOKEN, URL, Access, read_access
from pipeline.review.client import Studio
from pipeline.review.interface import verdict_region
from pipeline.review.project import the_project
from pipeline.review.regions import brush_of, brush_region
from pipeline.review.server import INSTALLED, label_studio
from qa.curate import REVIEWS
from qa.review_masks import shown_mask
from tests.review.drawn import BURST, draw_project, labels
from tests.review.reviewer import painted

REPOSITORY = Path(__file__).parents[1]
TITLE = "a thousand tasks"
BATCH = 50


@contextmanager
def server(root: Path | None, folder: Path) -> Iterator[Access]:
    if root is not None:
        yield read_access(root)
        return
    with label_studio(folder, port=0, program=REPOSITORY / INSTALLED) as (access, _):
        yield access


def timed(project: Path, access: Access, *command: str) -> tuple[float, float]:
    """Seconds and peak MB of a command of autoroto, in a process of its own."""
    variables = {URL: access.url, TOKEN: access.token, SERVED: access.served, "PYTHONPATH": str(REPOSITORY)}
    program = "import sys; from pipeline.cli import main; sys.argv[0] = 'autoroto'; main()"
    start = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", program, *command], cwd=project, env=os.environ | variables)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    return time.perf_counter() - start, usage.ru_maxrss / 1024


def submit_all(project: Path, access: Access, title: str) -> None:
    """Every task with a submitted fix. They are uploaded with their annotations: one by one would take half an hour."""
    fused = labels(project)
    with Studio(access) as studio, httpx.Client(headers={"Authorization": f"Token {access.token}"}) as http:
        number = the_project(studio, title).id
        tasks = list(studio.tasks(number))
        everything = {"selectedItems": {"all": True, "excluded": []}}
        address = f"{access.url}/api/dm/actions?id=delete_tasks&project={number}"
        http.post(address, json=everything, timeout=600).raise_for_status()
        for start in range(0, len(tasks), BATCH):
            batch = []
            for task in tasks[start : start + BATCH]:
                data = task["data"]
                source, _, time_us = data["key"].rpartition(":")
                width, height = data["width"], data["height"]
                mask = painted(shown_mask(fused[source, int(time_us)], width, height), (40, 20, 160, 130))
                result = [verdict_region("fix"), brush_region(brush_of(mask), width, height)]
                batch.append({"data": data, "annotations": [{"result": result, "lead_time": 30}]})
            studio.import_tasks(number, batch)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--tasks", type=int, default=1000)
    options.add_argument("--root", type=Path, default=None, help="a project whose `autoroto review serve` runs")
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as folder, server(chosen.root, Path(folder) / "server") as access:
        project = draw_project(Path(folder) / "project", bursts=-(-chosen.tasks // BURST), size=(1280, 720), label=2)
        title = f"{TITLE} {os.getpid()}"
        push = ("review", "push", "--project", title, "--limit", str(chosen.tasks))
        found: dict[str, float] = {"tasks": chosen.tasks}
        found["push_seconds"], found["push_peak_mb"] = timed(project, access, *push)
        found["push_again_seconds"], _ = timed(project, access, *push)
        submit_all(project, access, title)
        pull = ("review", "pull", "--project", title)
        found["pull_seconds"], found["pull_peak_mb"] = timed(project, access, *pull)
        found["decisions"] = len(read_decisions(project / REVIEWS))
        found["pull_again_seconds"], _ = timed(project, access, *pull)
    print(json.dumps({name: round(value, 1) for name, value in found.items()}))


if __name__ == "__main__":
    main()
