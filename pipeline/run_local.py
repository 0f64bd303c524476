"""The plain runner: one process, one loop. Runs the same stage objects as Ray; all unit tests use it.

Nothing is isolated here: a clip that aborts the process ends the stage, and one that stalls is reported and waited
for. The Ray runner is the one that survives both.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import cv2

from pipeline.heartbeat import Heartbeat, Watch, item_of
from pipeline.work import Bench, Job, Outcome, WorkOptions, work

_log = logging.getLogger(__name__)


def run_local(jobs: Sequence[Job], options: WorkOptions) -> Iterator[Outcome]:
    """Run the jobs one after another in this process; yields each outcome as it comes.

    A job without progress for `options.stall_seconds` is logged as an error, again and again: a process cannot end
    one of its own items. (A native loop that holds the interpreter's lock silences even that.)
    """
    cv2.setNumThreads(1)  # like every Ray worker: results must not depend on the number of threads
    bench = Bench()
    try:
        for job in jobs:
            heartbeat = Heartbeat()
            with _reported(job, heartbeat, options.stall_seconds):
                outcome = work(bench.stage(job.spec), job.unit, options, heartbeat=heartbeat)
            yield outcome
    finally:
        bench.close()


@contextmanager
def _reported(job: Job, heartbeat: Heartbeat, seconds: float) -> Iterator[None]:
    """Watch the heartbeat from a thread for as long as the block runs."""
    finished = threading.Event()

    def watch() -> None:
        watched = Watch(seconds)
        while not finished.wait(watched.poll_seconds):
            if watched.stalled(0, heartbeat.note):
                watched.forget(0)
                _log.error(
                    "%s: %s: no progress for %g s at item %s. The local runner cannot end it: stop it with Ctrl-C, "
                    "or set pipeline.runner: ray, which gives up such an item and goes on.",
                    job.unit.stage, job.unit.label, seconds, item_of(heartbeat.note),
                )  # fmt: skip

    watcher = threading.Thread(target=watch, name="stall-watch", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        finished.set()
        watcher.join()
