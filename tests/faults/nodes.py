"""Ray clusters of several nodes on one machine, whose nodes can be watched and killed.

As a program it holds a `ray.cluster_utils.Cluster`: it prints the address and the raylets' process ids, and lives until
its input ends.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from pipeline.heartbeat import item_of, read_note
from pipeline.ray_head import free_port

NODES = 2
START_SECONDS = 90


@dataclass(frozen=True)
class Nodes:
    """A head that works on nothing, and nodes with one CPU each.

    Attributes:
        environment: in which a driver attaches. raylets: the process id of each worker node.
        log: where every worker notes the fault points it passes.
    """

    environment: dict[str, str]
    raylets: tuple[int, ...]
    log: Path

    def passed(self, point: str) -> int:
        """How often workers passed a fault point."""
        return self.log.read_text().splitlines().count(point) if self.log.exists() else 0

    def workers(self, raylet: int) -> Iterator[tuple[psutil.Process, Path]]:
        """Workers of ours on a node, each with the file of its heartbeat, which it keeps open."""
        for process in _family(raylet):
            try:
                notes = [file.path for file in process.open_files() if Path(file.path).match("staging/worker-*.note")]
            except psutil.Error:
                continue
            if notes:
                yield process, Path(notes[0])

    def stop_at_work(self, raylets: tuple[int, ...], seconds: float = 180) -> int:
        """Freeze a worker on one of the nodes once it is past its unit's first item; the raylet it belongs to.

        So it holds work that is done in part: whoever takes the unit over must do that item again.
        """
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            for raylet in raylets:
                for process, note in self.workers(raylet):
                    if not item_of(read_note(note)):
                        continue
                    process.suspend()
                    if item_of(read_note(note)):
                        return raylet
                    process.resume()
        raise AssertionError(f"no worker was at work within {seconds} s")


def kill_node(raylet: int) -> None:
    """End every process of a node at once, as a power cut does."""
    for process in _family(raylet):
        process.send_signal(signal.SIGKILL)


def _family(raylet: int) -> list[psutil.Process]:
    try:
        parent = psutil.Process(raylet)
        return [parent, *parent.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


@contextmanager
def raylets_by_address(folder: Path) -> Iterator[Nodes]:
    """A head and nodes that join it by its address, each started by `ray start` as on machines of their own."""
    port, log = free_port(), folder / "points.log"
    secret = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    environment = os.environ | secret | {"AUTOROTO_FAULT_LOG": str(log), "RAY_USAGE_STATS_ENABLED": "0"}
    temporary = tempfile.mkdtemp(prefix="autoroto-nodes-")
    shared = ["--block", "--node-ip-address=127.0.0.1", "--disable-usage-stats", f"--object-store-memory={80 * 2**20}"]
    head = ["--head", f"--port={port}", "--num-cpus=0", "--include-dashboard=false", f"--temp-dir={temporary}"]
    joined = [f"--address=127.0.0.1:{port}", "--num-cpus=1"]
    started: list[subprocess.Popen[bytes]] = []
    try:
        for number, options in enumerate([head, *[joined] * NODES]):
            output = folder / f"node-{number}.log"
            command = [str(Path(sys.executable).with_name("ray")), "start", *options, *shared]
            with output.open("wb") as file:
                started.append(
                    subprocess.Popen(
                        command, stdout=file, stderr=subprocess.STDOUT, env=environment, start_new_session=True
                    )
                )
            _wait(started[-1], output)
        pids = tuple(_raylet(process.pid) for process in started[1:])
        yield Nodes({"RAY_ADDRESS": f"127.0.0.1:{port}"} | secret, pids, log)
    finally:
        for process in reversed(started):
            for member in _family(process.pid):
                member.kill()
            process.wait()
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def cluster_utils(folder: Path) -> Iterator[Nodes]:
    """Ray's own cluster for tests, held by a process of its own."""
    log = folder / "points.log"
    environment = os.environ | {"AUTOROTO_FAULT_LOG": str(log), "RAY_AUTH_MODE": "disabled"}
    holder = subprocess.Popen(
        [sys.executable, "-m", "tests.faults.nodes"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=(folder / "holder.log").open("wb"),
        env=environment, start_new_session=True,
    )  # fmt: skip
    try:
        assert holder.stdout is not None
        line = next((line for line in holder.stdout if line.startswith(b"{")), b"")
        assert line, (folder / "holder.log").read_text()
        found = json.loads(line)
        yield Nodes({"RAY_ADDRESS": found["address"], "RAY_AUTH_MODE": "disabled"}, tuple(found["raylets"]), log)
    finally:
        for member in _family(holder.pid):
            member.kill()
        holder.wait()


def _wait(process: subprocess.Popen[bytes], output: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if "Ray runtime started" in output.read_text(errors="replace"):
            return
        time.sleep(0.1)
    raise RuntimeError(output.read_text(errors="replace")[-2000:])


def _raylet(pid: int) -> int:
    return next(process.pid for process in _family(pid) if process.name() == "raylet")


def _hold() -> None:
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(NODES)]
    cluster.wait_for_nodes()
    raylets = [node.all_processes["raylet"][0].process.pid for node in nodes]
    print(json.dumps({"address": cluster.address, "raylets": raylets}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    _hold()
