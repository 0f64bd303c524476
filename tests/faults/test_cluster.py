"""A labelling run on several nodes, one of which is lost while it holds work; then the driver is lost too."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.faults.conftest import FaultyProject
from tests.faults.nodes import NODES, Nodes, cluster_utils, kill_node, raylets_by_address

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

LABELLING = ("ingest", "detect", "vote", "fuse", "score", "curate")
ORPHAN_SECONDS = 60


@pytest.fixture(params=[cluster_utils, raylets_by_address], ids=lambda start: start.__name__)
def nodes(request, tmp_path: Path) -> Iterator[Nodes]:
    with request.param(tmp_path) as found:
        yield found


@pytest.fixture
def project(faulty: FaultyProject, tmp_path: Path) -> FaultyProject:
    """A copy of the tiny project in which no labelling stage has run."""
    copy = FaultyProject(tmp_path / "project")
    shutil.copytree(faulty.root, copy.root)
    for stage in LABELLING:
        copy.forget(stage)
    return copy


def start(project: FaultyProject, stage: str, nodes: Nodes) -> subprocess.Popen[str]:
    """The stage's driver as a process of its own, attached to the cluster."""
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("autoroto")), "run", stage],
        cwd=project.root, env=os.environ | nodes.environment,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def end(driver: subprocess.Popen[str]) -> str:
    output, _ = driver.communicate(timeout=300)
    assert driver.returncode == 0, output
    return output


def last_run(project: FaultyProject) -> dict[str, int]:
    return json.loads((project.root / ".autoroto" / "runs.jsonl").read_text().splitlines()[-1])


def test_a_node_lost_at_work_then_a_driver_change_no_byte(
    nodes: Nodes, project: FaultyProject, faulty: FaultyProject, record_property
) -> None:
    for stage in ("ingest", "detect"):
        end(start(project, stage, nodes))

    before = nodes.passed("work.item"), nodes.passed("commit.done")
    driver = start(project, "vote", nodes)
    lost = nodes.stop_at_work(nodes.raylets)
    kill_node(lost)
    end(driver)
    units = last_run(project)["computed"]
    items, largest = bursts(faulty)
    repeated = nodes.passed("work.item") - before[0] - items
    assert 1 <= repeated <= largest, "work was repeated for what was in flight, and for nothing else"
    assert nodes.passed("commit.done") - before[1] == units, "nothing was done twice"

    driver = start(project, "fuse", nodes)
    (left,) = set(nodes.raylets) - {lost}
    orphan = nodes.stop_at_work((left,))
    driver.send_signal(signal.SIGKILL)
    driver.communicate()
    for process, _ in nodes.workers(orphan):
        process.resume()
    deadline = time.monotonic() + ORPHAN_SECONDS
    while list(nodes.workers(orphan)):
        assert time.monotonic() < deadline, "orphaned workers end by themselves"
        time.sleep(0.2)
    done = project.committed("fuse")
    end(start(project, "fuse", nodes))
    assert last_run(project)["reused"] == done and last_run(project)["computed"] >= 1

    for stage in ("score", "curate"):
        end(start(project, stage, nodes))
    for stage in LABELLING:
        assert project.bytes_of(stage) == faulty.bytes_of(stage), stage
    record_property("nodes killed", 1)
    record_property("drivers killed", 1)


def bursts(project: FaultyProject) -> tuple[int, int]:
    """Items of `vote` in all, and in its largest unit."""
    passed = project.passed  # counted by running the stage undisturbed, on the local runner, in the other project
    project.forget("vote")
    items = passed("vote")["work.item"]
    teachers = len(yaml.safe_load((project.root / "params.yaml").read_text())["vote"]["teachers"])
    return items, items // teachers


def test_a_stage_that_wants_a_gpu_says_that_it_waits_or_does_without(project: FaultyProject, tmp_path: Path) -> None:
    with raylets_by_address(tmp_path) as nodes:
        end(start(project, "ingest", nodes))
        set_resources(project, {"gpus": 1}, stall_seconds=80)
        driver = start(project, "detect", nodes)
        assert driver.stdout is not None
        line = next(line for line in driver.stdout if "waits for a worker" in line)
        assert re.search(
            r"detect: waits for a worker to come up. A worker asks for 1 CPU of 2 .*1 GPU of 0 \(0 free\)", line
        )
        driver.send_signal(signal.SIGINT)
        driver.communicate(timeout=240)
        set_resources(project, {"gpus": 1, "gpu_optional": True, "min_workers": NODES + 3, "max_workers": 8})
        end(start(project, "detect", nodes))
        assert last_run(project)["computed"] >= 1


def set_resources(project: FaultyProject, resources: dict[str, object], **pipeline: object) -> None:
    path = project.root / "params.yaml"
    params = yaml.safe_load(path.read_text())
    params["pipeline"] |= {"resources": {"detect": resources}} | pipeline
    path.write_text(yaml.safe_dump(params))
