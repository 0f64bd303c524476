"""How long training waits for its data: the part of its time in which the network stood still."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
FILE = "data_wait.json"


class DataWait:
    """A stop-watch around a stream of batches.

    Args:
        clock: seconds, ever rising.
    """

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._began = clock()
        self._waited = 0.0

    def watch(self, stream: Iterable[T]) -> Iterator[T]:
        """The items of `stream`; how long each took to come is counted."""
        items = iter(stream)
        while True:
            asked = self._clock()
            try:
                item = next(items)
            except StopIteration:
                return
            finally:
                self._waited += self._clock() - asked
            yield item

    @property
    def share(self) -> float:
        """Seconds waited over all seconds since the start, 0-1."""
        return self._waited / max(self._clock() - self._began, 1e-9)


def write_wait(folder: Path, steps: int, share: float) -> None:
    """Write `data_wait.json`: a log beside the checkpoint, for what the clock says is no part of a keyed result."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / FILE).write_text(json.dumps({"steps": steps, "data_wait": round(share, 4)}) + "\n")
