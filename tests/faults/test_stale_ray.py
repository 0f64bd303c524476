"""A driver that is killed leaves Ray's note of its cluster behind: the next one must not look for it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

CONNECT = "from pipeline.run_ray import connect; import ray; connect(); print(sorted(ray.cluster_resources()))"


@pytest.mark.slow
def test_a_cluster_that_is_gone_does_not_keep_the_next_run_from_starting():
    with tempfile.TemporaryDirectory(prefix="r-", dir="/tmp") as folder:  # Ray's sockets want a short path
        note = Path(folder) / "ray" / "ray_current_cluster"
        note.parent.mkdir()
        note.write_text("127.0.0.1:1")
        environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
        done = subprocess.run(
            [sys.executable, "-c", CONNECT], cwd=Path.cwd(), env=environment | {"RAY_TMPDIR": folder},
            capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-2000:]
        assert "CPU" in done.stdout
