"""Fault points: named places where a test ends the process with SIGKILL, to prove that nothing is lost or done twice.

Every write, link, rename and manifest step passes one. Without the environment variables a point costs one look-up.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

KILL = "AUTOROTO_FAULT"
"""Environment variable `NAME:COUNT`: the process dies when it passes the point NAME for the COUNT-th time (from 1)."""
LOG = "AUTOROTO_FAULT_LOG"
"""Environment variable: a file that gets the name of every point passed, one a line, in order."""

_passed: Counter[str] = Counter()


def fault_point(name: str) -> None:
    """Pass the fault point `name`; does not return where `AUTOROTO_FAULT` says so.

    Raises:
        ValueError: `AUTOROTO_FAULT` is not `NAME:COUNT`.
    """
    wanted, log = os.environ.get(KILL), os.environ.get(LOG)
    if log:
        with Path(log).open("a", encoding="utf-8") as file:
            file.write(f"{name}\n")
    if wanted:
        _passed[name] += 1
        point, _, count = wanted.rpartition(":")
        if not point or not count.isdigit():
            raise ValueError(f"{KILL}={wanted!r}: expected NAME:COUNT, e.g. commit.placed:2")
        if point == name and _passed[name] == int(count):
            os.kill(os.getpid(), signal.SIGKILL)
