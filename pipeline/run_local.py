"""The plain runner: one process, one loop. Runs the same stage objects as Ray; all unit tests use it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2

from pipeline.work import Bench, Job, Outcome, WorkOptions, work


def run_local(jobs: Sequence[Job], options: WorkOptions) -> Iterator[Outcome]:
    """Run the jobs one after another in this process; yields each outcome as it comes."""
    cv2.setNumThreads(1)  # like every Ray worker: results must not depend on the number of threads
    bench = Bench()
    try:
        for job in jobs:
            yield work(bench.stage(job.spec), job.unit, options)
    finally:
        bench.close()
