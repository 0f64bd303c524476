"""The Ray runner: plain actors fed by a small loop, one unit in flight per actor; a dead worker costs one item.

Why not Ray Data: measured on this kind of job, its default retries repeat an aborting item for ever, and
`max_errored_blocks` dropped a healthy neighbour; here the failed item has a name and nothing else is lost.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import RayActorError

from pipeline.resources import Resources
from pipeline.work import Attempt, Bench, Job, Outcome, WorkOptions, heartbeat_path, work

ITEM_DEATHS = 2
"""An item that was in work when this many workers died is run alone; if that worker dies too, the item is poison."""

FAILED_STARTS = 3
"""Workers that may die before they are ready until the run gives up."""


class Worker:
    """Lives in a Ray actor. Keeps the weights of the stage it works for open."""

    def __init__(self) -> None:
        import cv2

        cv2.setNumThreads(1)
        self._bench = Bench()

    def ready(self) -> bool:
        """Returns once the process is up: only then does a worker get work."""
        return True

    def run(self, job: Job, options: WorkOptions, attempt: Attempt) -> Outcome:
        """See `pipeline.work.work`."""
        return work(self._bench.stage(job.spec), job.unit, options, attempt)


@dataclass
class _Task:
    """A job on its way: which items it killed workers with, and what is already known to be poison."""

    job: Job
    deaths: dict[int, int] = field(default_factory=dict)
    skip: dict[int, str] = field(default_factory=dict)
    only: int | None = None

    def attempt(self) -> Attempt:
        return Attempt(dict(self.skip), self.only)

    def died(self, item: int, cause: str) -> None:
        """Decide what the next attempt does after the worker died at `item`."""
        self.deaths[item] = self.deaths.get(item, 0) + 1
        if self.only is not None:
            self.skip[item] = f"its worker died {self.deaths[item]} times, the last time alone ({cause})"
            self.only = None
        elif self.deaths[item] >= ITEM_DEATHS:
            self.only = item


class WorkerLostError(RuntimeError):
    """Workers keep dying before any item: the stage cannot run here."""


def connect() -> None:
    """Attach to the cluster that `RAY_ADDRESS` names, or start a local one that ends with this process."""
    if not ray.is_initialized():
        os.environ.setdefault("RAY_AUTH_MODE", "disabled")
        address = os.environ.get("RAY_ADDRESS")
        local: dict[str, Any] = {} if address else {"include_dashboard": False, "object_store_memory": 100 * 2**20}
        ray.init(address=address, log_to_driver=False, configure_logging=False, **local)


def run_ray(jobs: Sequence[Job], options: WorkOptions, resources: Resources) -> Iterator[Outcome]:
    """Run the jobs on Ray actors; yields each outcome as it comes, in no fixed order.

    Raises:
        WorkerLostError: workers die before they are ready.
        ray.exceptions.RayTaskError: the stage itself is broken (a weight file does not load, …).
    """
    connect()
    waiting = deque(_Task(job) for job in jobs)
    cluster: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    pool = _Pool(resources, size=min(len(waiting), resources.workers(cluster)))
    running: dict[Any, tuple[Any, _Task]] = {}
    try:
        while waiting or running:
            while waiting and pool.idle:
                actor, task = pool.idle.pop(), waiting.popleft()
                running[actor.run.remote(task.job, options, task.attempt())] = (actor, task)
            reference = ray.wait([*running, *pool.starting], num_returns=1)[0][0]
            if reference in pool.starting:
                pool.started(reference)
                continue
            actor, task = running.pop(reference)
            try:
                outcome = ray.get(reference)
            except RayActorError as error:
                task.died(_item_in_work(options, task.job), _cause(error))
                waiting.appendleft(task)
                pool.replace()
                continue
            pool.idle.append(actor)
            if task.only is not None:  # it survived alone: back to the whole unit, with its deaths forgiven
                task.deaths[task.only], task.only = 0, None
                waiting.appendleft(task)
            else:
                yield outcome
    finally:
        pool.close()


class _Pool:
    """Actors that are starting, and actors that wait for work. Starting actors get no work: one may never come up."""

    def __init__(self, resources: Resources, size: int) -> None:
        self._resources = resources
        self._failed_starts = 0
        self.idle: list[Any] = []
        self.starting: dict[Any, Any] = {}
        self._all: list[Any] = []
        for _ in range(size):
            self.replace()

    def replace(self) -> None:
        """Start one fresh actor."""
        # Ray must not restart or retry by itself: the driver has to know which item a worker died with
        options = {"max_restarts": 0, "max_task_retries": 0} | self._resources.ray()
        actor: Any = ray.remote(Worker).options(**options).remote()
        self._all.append(actor)
        self.starting[actor.ready.remote()] = actor

    def started(self, reference: Any) -> None:
        """Move an actor whose ready call returned to the idle ones, or start another if it died."""
        actor = self.starting.pop(reference)
        try:
            ray.get(reference)
        except RayActorError as error:
            self._failed_starts += 1
            if self._failed_starts >= FAILED_STARTS:
                raise WorkerLostError(
                    f"{self._failed_starts} workers died before they were ready ({_cause(error)}); is there enough "
                    "memory, and does `python -c 'import cv2, pipeline.work'` run on every node?"
                ) from error
            self.replace()
        else:
            self.idle.append(actor)

    def close(self) -> None:
        """End all actors; their weights are closed with their processes."""
        for actor in self._all:
            ray.kill(actor)


def _item_in_work(options: WorkOptions, job: Job) -> int:
    try:
        return int(heartbeat_path(options.store, job.unit.key).read_text())
    except (FileNotFoundError, ValueError):
        return 0  # it died before its first item


def _cause(error: RayActorError) -> str:
    return str(error).strip().splitlines()[0]
