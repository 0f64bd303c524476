from __future__ import annotations

import subprocess
import sys

import pytest

from pipeline import memory
from pipeline.memory import PeakMemory

CHILD = "import sys; data = b'x' * 200_000_000; sys.stdout.write('up'); sys.stdout.flush(); sys.stdin.read()"


def test_the_memory_of_children_counts(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(memory, "EVERY_SECONDS", 0.02)
    with PeakMemory() as alone:
        subprocess.run([sys.executable, "-c", "import time; time.sleep(0.3)"], check=True)
    with PeakMemory() as peak:
        child = subprocess.Popen([sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert child.stdout is not None and child.stdout.read(2) == b"up"
        while peak.bytes < alone.bytes + 150_000_000 and child.poll() is None:
            pass
        child.communicate()
    assert peak.bytes >= alone.bytes + 150_000_000
