"""The Ray runner: plain actors fed by a small loop, one unit in flight per actor; a dead worker costs one item.

Why not Ray Data: measured on this kind of job, its default retries repeat an aborting item for ever, and
`max_errored_blocks` dropped a healthy neighbour; here the failed item has a name and nothing else is lost.
"""

from __future__ import annotations

import contextlib
import logging
import os
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import ActorUnavailableError, OutOfMemoryError, RayActorError

from pipeline.errors import StageError
from pipeline.heartbeat import Heartbeat, Watch, item_of, last_words, read_note
from pipeline.poison import Death, Task
from pipeline.queue import Queue
from pipeline.ray_head import fresh_token
from pipeline.resources import Resources
from pipeline.work import Attempt, Bench, Job, Outcome, WorkOptions, work

FAILED_STARTS = 3
"""Workers that may die in a row before they are ready, and units before any worker reaches an item, until the run
gives up: then it is not the clips' fault.
"""

START_SECONDS = 60.0
"""A worker may take so long to come up however short `stall_seconds` is: it imports everything, on a busy machine."""

WAIT_SECONDS = 20.0
"""A run that waits for its first worker for longer says what it waits for."""

_log = logging.getLogger(__name__)

_LOST = (RayActorError, OutOfMemoryError)


class Worker:
    """Lives in a Ray actor. Keeps the weights of the stage it works for open."""

    def __init__(self, note: Path) -> None:
        import cv2

        cv2.setNumThreads(1)
        self._bench = Bench()
        self._heartbeat = Heartbeat(note)
        self._heartbeat.keep_last_words()

    def ready(self) -> bool:
        """Returns once the process is up: only then does a worker get work."""
        return True

    def run(self, job: Job, options: WorkOptions, attempt: Attempt) -> Outcome:
        """See `pipeline.work.work`."""
        self._heartbeat.at(None)
        return work(self._bench.stage(job.spec), job.unit, options, attempt, self._heartbeat)


class WorkerLostError(StageError):
    """Workers keep dying before any item, or none comes up: the stage cannot run here."""


def connect() -> None:
    """Attach to the cluster that `RAY_ADDRESS` names, or start a local one that ends with this process."""
    if not ray.is_initialized():
        # "local" and not None: a driver that was killed leaves a note of its cluster, which Ray would try to join
        address = os.environ.get("RAY_ADDRESS") or "local"
        local: dict[str, Any] = {}
        if address == "local":
            # with a token in reach Ray asks for it; without, it would leave one in the home folder
            os.environ.setdefault("RAY_AUTH_TOKEN", fresh_token())
            local = {"include_dashboard": False, "object_store_memory": 100 * 2**20}
        ray.init(address=address, log_to_driver=False, configure_logging=False, **local)


def run_ray(jobs: Sequence[Job], options: WorkOptions, resources: Resources) -> Iterator[Outcome]:
    """Run the jobs on Ray actors; yields each outcome as it comes, in no fixed order.

    Progress is the end of a unit or a worker's new heartbeat. A worker without any for `options.stall_seconds` is
    ended, and the item it was at is treated like one that its worker died at.

    Raises:
        WorkerLostError: workers die before they are ready or before any item, or none comes up in `stall_seconds`.
        ray.exceptions.RayTaskError: the stage itself is broken (a weight file does not load, …).
    """
    connect()
    run = _Run(jobs, options, resources)
    try:
        while run.unfinished():
            run.deal()
            yield from run.wait()
    finally:
        run.pool.close()


class _Run:
    """The state of one run: what waits, what is in flight, how long nothing has moved."""

    def __init__(self, jobs: Sequence[Job], options: WorkOptions, resources: Resources) -> None:
        cluster: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        resources = resources.on(cluster)
        self._options = options
        self._stage = jobs[0].unit.stage if jobs else ""
        self._waiting = Queue(jobs)
        self._running: dict[Any, tuple[_Hand, Task]] = {}
        self._watch = Watch(options.stall_seconds)
        self._start_watch = Watch(max(options.stall_seconds, START_SECONDS))
        self._wait_watch = Watch(WAIT_SECONDS)
        self._looked = time.monotonic()
        self._ended = 0
        self._stillborn: set[str] = set()  # keys of units that died outside of their items
        folder = options.store / "staging"
        self.pool = _Pool(self._stage, resources, folder, size=min(len(jobs), resources.workers(cluster)))

    def unfinished(self) -> bool:
        """Whether any unit waits or is in flight."""
        return bool(self._waiting or self._running)

    def deal(self) -> None:
        """Give every idle worker a unit."""
        while self._waiting and self.pool.idle:
            hand = self.pool.idle.pop()
            busy = {task.job.unit.lineage for _, task in self._running.values()}
            task = self._waiting.pop(hand.lineage, busy)
            hand.lineage = task.job.unit.lineage
            self._watch.forget(hand)
            self._running[hand.actor.run.remote(task.job, self._options, task.attempt())] = hand, task

    def wait(self) -> Iterator[Outcome]:
        """Wait until a worker is up or done, or it is time to look for stalls; the outcomes of what ended."""
        references = [*self._running, *self.pool.starting]
        for reference in ray.wait(references, num_returns=1, timeout=self._watch.poll_seconds)[0]:
            if reference in self.pool.starting:
                self.pool.started(reference)
            else:
                yield from self._end(reference)
        now = time.monotonic()  # by the clock: in a busy run `ray.wait` never comes back empty-handed
        if now - self._looked >= self._watch.poll_seconds:
            self._looked = now
            yield from self._end_stalled()
            self._check_starting()

    def _end(self, reference: Any) -> Iterator[Outcome]:
        hand, task = self._running.pop(reference)
        try:
            outcome: Outcome = ray.get(reference)
        except _LOST as error:
            yield from self._died(hand, task, death_of(error, hand.note))
            return
        if task.only is not None:
            task.survived_alone()
            self._waiting.put_first(task)
        elif task.retries(outcome):  # out of memory: in a fresh process, when fewer others want memory too
            self._waiting.put_last(task)
            self.pool.replace(hand)
            return
        else:
            self._ended += 1
            yield outcome
        self.pool.idle.append(hand)

    def _end_stalled(self) -> Iterator[Outcome]:
        """End the workers whose heartbeat stands still, unless their unit has just ended."""
        stalled = [r for r, (hand, _) in self._running.items() if self._watch.stalled(hand, read_note(hand.note))]
        for reference in stalled:
            if not ray.wait([reference], timeout=0)[0]:
                death = Death("stall", f"no progress for {self._watch.seconds:g} s")
                yield from self._died(*self._running.pop(reference), death)

    def _died(self, hand: _Hand, task: Task, death: Death) -> Iterator[Outcome]:
        """Note the death, and let another worker go on. Ends the process, should it still be there."""
        self._watch.forget(hand)
        item = item_of(read_note(hand.note))
        if item is None and death.kind != "node":
            self._stillborn.add(task.job.unit.key)
            self._check_opening(task, death)
        blamed = task.died(item, death)
        self.pool.replace(hand)
        if task.lost:
            yield task.outcome()
        else:
            (self._waiting.put_first if blamed else self._waiting.put_last)(task)

    def _check_opening(self, task: Task, death: Death) -> None:
        """Raise when unit after unit dies before its first item and no worker ever came further."""
        further = self._ended or any(item_of(read_note(hand.note)) is not None for hand, _ in self._running.values())
        if len(self._stillborn) >= FAILED_STARTS and not further:
            raise WorkerLostError(
                f"{self._stage}: {len(self._stillborn)} workers were lost before their first item, the last one over "
                f"{task.job.unit.label} ({death.cause}), and none came further. Do the stage's weights open, and is "
                f"there enough memory? `autoroto run {self._stage} --runner local` shows more."
            )

    def _check_starting(self) -> None:
        """Raise when nothing is in flight and no worker has come up for too long."""
        if self._running or self.pool.idle:
            self._start_watch.forget("starting")
            self._wait_watch.forget("starting")
            return
        if self._wait_watch.stalled("starting", self.pool.starts):
            self._wait_watch.forget("starting")  # say so again if it goes on
            _log.warning("%s: waits for a worker to come up. %s", self._stage, self.pool.wanted())
        if self._start_watch.stalled("starting", self.pool.starts):
            more = f" and {len(self._waiting) - 3} more" if len(self._waiting) > 3 else ""
            raise WorkerLostError(
                f"{self._stage}: no worker came up for {self._start_watch.seconds:g} s (pipeline.stall_seconds), so "
                f"nothing is done on {', '.join(self._waiting.labels(3))}{more}. {self.pool.wanted()} Lower "
                f"pipeline.resources.{self._stage} in params.yaml to what a node has, add nodes, or wait until others "
                "leave the cluster."
            )


@dataclass(eq=False)
class _Hand:
    """A worker as the driver knows it: the actor, the file with its heartbeat and its last words, and the ingest shard
    it looked at last.
    """

    actor: Any
    note: Path
    lineage: str = ""

    def end(self) -> None:
        """Kill the process (also one that hangs in native code) and remove its file."""
        ray.kill(self.actor)
        with contextlib.suppress(OSError):
            self.note.unlink(missing_ok=True)


class _Pool:
    """Actors that are starting, and actors that wait for work. Starting actors get no work: one may never come up."""

    def __init__(self, stage: str, resources: Resources, folder: Path, size: int) -> None:
        self._stage, self._resources, self._folder = stage, resources, folder
        self._failed_starts = 0
        self.idle: list[_Hand] = []
        self.starting: dict[Any, _Hand] = {}
        self.starts = 0
        self._all: set[_Hand] = set()
        for _ in range(size):
            self._start()

    def replace(self, hand: _Hand) -> None:
        """End a worker and start a fresh one."""
        self._all.discard(hand)
        hand.end()
        self._start()

    def started(self, reference: Any) -> None:
        """Move an actor whose ready call returned to the idle ones, or start another if it died."""
        hand = self.starting.pop(reference)
        self.starts += 1
        try:
            ray.get(reference)
        except _LOST as error:
            self._failed_starts += 1
            if self._failed_starts >= FAILED_STARTS:
                raise WorkerLostError(
                    f"{self._stage}: {self._failed_starts} workers died before they were ready ({_first_line(error)}); "
                    "is there enough memory, and does `python -c 'import cv2, pipeline.work'` run on every node?"
                ) from error
            self.replace(hand)
        else:
            self._failed_starts = 0
            self.idle.append(hand)

    def wanted(self) -> str:
        """What a worker asks for, and what the cluster has."""
        asked = self._resources.ray()
        total: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
        free: dict[str, float] = ray.available_resources()  # type: ignore[no-untyped-call]
        names = {"num_cpus": "CPU", "num_gpus": "GPU", "memory": "memory"}
        parts = [
            f"{value:g} {names[key]} of {total.get(names[key], 0):g} ({free.get(names[key], 0):g} free)"
            for key, value in asked.items()
            if value
        ]
        return f"A worker asks for {', '.join(parts)}."

    def close(self) -> None:
        """End all actors; their weights are closed with their processes."""
        for hand in self._all:
            hand.end()

    def _start(self) -> None:
        # Ray must not restart or retry by itself: the driver has to know which item a worker died with
        options = {"max_restarts": 0, "max_task_retries": 0} | self._resources.ray()
        note = self._folder / f"worker-{uuid.uuid4().hex}.note"
        actor: Any = ray.remote(Worker).options(**options).remote(note)
        hand = _Hand(actor, note)
        self._all.add(hand)
        self.starting[actor.ready.remote()] = hand


def death_of(error: Exception, note: Path) -> Death:
    """How a worker died, from Ray's error and the worker's file. The file's last words count first: Ray knows no more
    than that the process is gone, and only a fatal signal of its own doing leaves any.
    """
    words = last_words(note)
    if words:
        return Death("crash", words)
    if isinstance(error, OutOfMemoryError):
        return Death("memory", "by Ray, for want of memory on its node")
    if isinstance(error, ActorUnavailableError) or "its node has died" in str(error):
        return Death("node", "its node was lost")
    return Death("killed", "without a word, as for want of memory")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0]
