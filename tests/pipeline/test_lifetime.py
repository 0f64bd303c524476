from __future__ import annotations

import os
import subprocess
import sys
import time

import psutil
import pytest

PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", '''
from pipeline.lifetime import die_with_dvc
die_with_dvc()
print("ready", flush=True)
import time; time.sleep(60)
'''], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
time.sleep(60)
"""


def orphan(environment):
    """The child of a parent that was killed."""
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, env=environment)
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    return child


def lives(process):
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_a_stage_ends_when_its_dvc_is_killed():
    child = orphan(os.environ | {"DVC_ROOT": "."})
    deadline = time.monotonic() + 10
    while lives(child) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not lives(child)


def test_started_by_hand_it_outlives_its_shell():
    child = orphan({name: value for name, value in os.environ.items() if name != "DVC_ROOT"})
    time.sleep(0.5)
    assert lives(child)
    child.kill()
