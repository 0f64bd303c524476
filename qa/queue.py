"""The order of review: first the frame whose fix is expected to mend most labels, its own and others of its burst."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]


@dataclass(frozen=True)
class BurstErrors:
    """What is expected of a burst of N labels.

    Attributes:
        keys: the frames' names, `(source, time_us)`.
        errors: `(N,)`, the error expected of each label, `Judge.expected_errors`.
        reach: `(N, N)`, the share of frame j's error that fixing frame i removes, 1 on the diagonal (`qa.fix_spread`).
    """

    keys: Sequence[tuple[str, int]]
    errors: Values
    reach: Values

    def __post_init__(self) -> None:
        count = len(self.keys)
        shapes = self.errors.shape, self.reach.shape
        if shapes != ((count,), (count, count)):
            wanted = f"errors ({count},) and reach ({count}, {count})"
            raise ValueError(f"a burst of {count} frames needs {wanted}; got {shapes}")


@dataclass(frozen=True)
class Place:
    """A frame's place in the queue: its name, and the error that reviewing it removes, given those before it."""

    key: tuple[str, int]
    gain: float


def review_order(bursts: Sequence[BurstErrors], limit: int | None = None) -> list[Place]:
    """All frames (or the first `limit`), greatest expected gain first; ties in the order given.

    Reviewing frame i is worth Σ_j error_j · reach_ij over its burst: its own error, and what it stands for. A
    frame takes its correction from the nearest reviewed frame (of two as near, from the earlier), so what is left to
    gain in a burst falls with every frame taken from it. Gains in other bursts do not change: a heap over the bursts
    gives the greedy order.
    """
    pending = [_Pending(burst) for burst in bursts]
    heap = [
        (-gain, number, frame) for number, one in enumerate(pending) if (best := one.best()) for gain, frame in [best]
    ]
    heapq.heapify(heap)
    order: list[Place] = []
    while heap and (limit is None or len(order) < limit):
        negative, number, frame = heapq.heappop(heap)
        order.append(Place(bursts[number].keys[frame], -negative))
        pending[number].take(frame)
        if (best := pending[number].best()) is not None:
            heapq.heappush(heap, (-best[0], number, best[1]))
    return order


def nearest_fixes(count: int, fixed: Sequence[int]) -> list[int]:
    """Per frame of a burst the reviewed frame its correction comes from; of two as near the earlier.

    Raises:
        ValueError: none was reviewed.
    """
    if not fixed:
        raise ValueError("no frame of the burst was reviewed")
    return [min(sorted(fixed), key=lambda place: abs(place - frame)) for frame in range(count)]


class _Pending:
    """A burst of which some frames are already in the queue."""

    def __init__(self, burst: BurstErrors) -> None:
        self._errors = burst.errors
        self._reach = burst.reach
        self._taken: list[int] = []

    def left(self, taken: Sequence[int]) -> float:
        """Error that is left in the burst once these frames are reviewed."""
        if not taken:
            return float(self._errors.sum())
        source = nearest_fixes(len(self._errors), taken)
        return float(np.sum(self._errors * (1 - self._reach[source, np.arange(len(source))])))

    def best(self) -> tuple[float, int] | None:
        """Gain and index of the frame to review next; None when all are taken."""
        free = [frame for frame in range(len(self._errors)) if frame not in self._taken]
        if not free:
            return None
        now = self.left(self._taken)
        gains = [now - self.left([*self._taken, frame]) for frame in free]
        best = int(np.argmax(gains))
        return gains[best], free[best]

    def take(self, frame: int) -> None:
        self._taken.append(frame)
