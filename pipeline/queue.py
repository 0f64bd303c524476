"""What waits for a worker: units that come again first, fresh ones, units that had better come last."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain, islice

from pipeline.poison import Task
from pipeline.work import Job


class Queue:
    """Tasks in the order they are to be dealt; fresh jobs become tasks only then, as there may be very many."""

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._first: deque[Task] = deque()
        self._jobs, self._dealt = jobs, 0
        self._last: deque[Task] = deque()

    def __len__(self) -> int:
        return len(self._first) + len(self._jobs) - self._dealt + len(self._last)

    def pop(self) -> Task:
        """The next task. Raises IndexError where none waits."""
        if self._first:
            return self._first.popleft()
        if self._dealt < len(self._jobs):
            self._dealt += 1
            return Task(self._jobs[self._dealt - 1])
        return self._last.popleft()

    def put_first(self, task: Task) -> None:
        """At once again."""
        self._first.appendleft(task)

    def put_last(self, task: Task) -> None:
        """When everything else had its turn."""
        self._last.append(task)

    def labels(self, count: int) -> list[str]:
        """Names of the next `count` units."""
        fresh = (self._jobs[index] for index in range(self._dealt, len(self._jobs)))
        jobs: Iterator[Job] = chain((t.job for t in self._first), fresh, (t.job for t in self._last))
        return [job.unit.label for job in islice(jobs, count)]
