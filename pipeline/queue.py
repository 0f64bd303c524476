"""What waits for a worker: units that come again first, fresh ones, units that had better come last."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterator, Sequence
from itertools import chain, islice

from pipeline.poison import Task
from pipeline.work import Job

NEAR = 32
"""So many fresh jobs are looked over for one that suits a worker."""


class Queue:
    """Tasks in the order they are to be dealt; fresh jobs become tasks only then, as there may be very many."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._first: deque[Task] = deque()
        self._jobs, self._seen = jobs, 0
        self._near: list[Job] = []
        self._last: deque[Task] = deque()

    def __len__(self) -> int:
        return len(self._first) + len(self._near) + len(self._jobs) - self._seen + len(self._last)

    def pop(self, last: str = "", busy: Collection[str] = ()) -> Task:
        """The next task. Among the fresh ones near the front, one of the ingest shard `last` that the worker has in
        memory is preferred, then one of a shard that is not `busy`, as others have it in theirs.

        Raises IndexError where none waits.
        """
        if self._first:
            return self._first.popleft()
        while len(self._near) < NEAR and self._seen < len(self._jobs):
            self._near.append(self._jobs[self._seen])
            self._seen += 1
        if not self._near:
            return self._last.popleft()
        places = [job.unit.lineage for job in self._near]
        free = (index for index, place in enumerate(places) if place not in busy)
        return Task(self._near.pop(places.index(last) if last in places else next(free, 0)))

    def put_first(self, task: Task) -> None:
        """At once again."""
        self._first.appendleft(task)

    def put_last(self, task: Task) -> None:
        """When everything else had its turn."""
        self._last.append(task)

    def labels(self, count: int) -> list[str]:
        """Names of the next `count` units."""
        fresh = chain(self._near, (self._jobs[index] for index in range(self._seen, len(self._jobs))))
        jobs: Iterator[Job] = chain((t.job for t in self._first), fresh, (t.job for t in self._last))
        return [job.unit.label for job in islice(jobs, count)]
