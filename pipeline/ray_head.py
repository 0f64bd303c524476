"""One local Ray for all stages of a `dvc repro`: starting Ray costs 12 s a stage, attaching 0.1 s."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

START_SECONDS = 90
PORTS = range(6379, 10000)


def fresh_token() -> str:
    """A secret without which a Ray answers nobody: Ray listens on every interface, and runs what it is told."""
    return secrets.token_hex(32)


@contextmanager
def local_ray(log: Path) -> Iterator[dict[str, str]]:
    """A Ray head on this machine for as long as the block runs; ends its own processes only.

    Yields:
        The environment (its address and its secret) in which a new process attaches to it.

    Raises:
        RuntimeError: it did not come up; the message names the log file.
    """
    port = free_port()
    address = f"127.0.0.1:{port}"
    log.parent.mkdir(parents=True, exist_ok=True)
    folder = tempfile.mkdtemp(prefix="autoroto-ray-")
    secret = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": fresh_token()}
    environment = os.environ | secret | {"RAY_USAGE_STATS_ENABLED": "0"}
    command = [
        str(Path(sys.executable).with_name("ray")), "start", "--head", "--block", f"--port={port}",
        "--node-ip-address=127.0.0.1", "--include-dashboard=false", "--disable-usage-stats",
        f"--object-store-memory={100 * 2**20}", f"--temp-dir={folder}",
    ]  # fmt: skip
    with log.open("wb") as output:
        head = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )
        try:
            _wait(head, port, log)
            yield {"RAY_ADDRESS": address} | secret
        finally:
            _end(head)
            shutil.rmtree(folder, ignore_errors=True)


def _wait(head: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if head.poll() is not None:
            break
        if "Ray runtime started" in log.read_text(errors="replace"):
            return
        time.sleep(0.2)
    raise RuntimeError(f"Ray did not start on port {port} within {START_SECONDS} s; its words are in {log}")


def _end(head: subprocess.Popen[bytes]) -> None:
    """End the head and its children by their ids: `ray stop` would stop everybody's Ray."""
    try:
        family = [*psutil.Process(head.pid).children(recursive=True), psutil.Process(head.pid)]
    except psutil.NoSuchProcess:
        return
    head.send_signal(signal.SIGTERM)
    _, alive = psutil.wait_procs(family, timeout=10)
    for process in alive:
        process.kill()
    head.wait()


def free_port() -> int:
    """A free port outside 10002-19999, which Ray keeps for its workers.

    The search begins at a place of this process's own: two that start Ray at once must not choose the same port.
    """
    for offset in range(len(PORTS)):
        port = PORTS[(os.getpid() * 7 + offset) % len(PORTS)]
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError(f"no free port in {PORTS.start}-{PORTS.stop - 1} for a local Ray")
