"""Processes that end with their parent: a killed `dvc repro` must not leave a stage running behind it."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def die_with_dvc() -> None:
    """Where DVC started this process, ask the kernel to end it when DVC ends (Linux; elsewhere nothing happens).

    Started by hand it may outlive its shell, as `nohup` promises.
    """
    if sys.platform != "linux" or "DVC_ROOT" not in os.environ:
        return
    parent = os.getppid()
    with contextlib.suppress(OSError):
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # the parent ended before the call took hold
        sys.exit(1)
