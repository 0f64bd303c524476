"""What to do about a unit whose worker died or stalled: try again, try the item alone, give the item up by its name.

Every path ends: an item is given up after at most five deaths, a unit after three that no item can be blamed for.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from pipeline.work import Attempt, Job, Outcome
from stages.base import Fail

ITEM_DEATHS = 2
"""An item that this many workers died at is run alone; if that worker dies too, the item is given up."""

UNIT_DEATHS = 3
"""Workers that may die over a unit outside of its items (opening weights, reading, committing)."""

NODE_DEATHS = 10
"""Nodes that may be lost under a unit. Nobody can blame the unit, but it must not go on for ever."""

MEMORY_RETRIES = 1
"""Fresh workers that a unit gets after it ran out of memory in Python, when the rest of the queue is through."""


@dataclass(frozen=True)
class Death:
    """How a worker was lost.

    Attributes:
        kind: `crash`: a fatal signal of its own doing (abort, segmentation fault); `killed`: it vanished without a
            word, as the kernel's OOM killer leaves it; `memory`: Ray's memory monitor ended it; `stall`: the driver
            did, for want of progress; `node`: its machine is gone.
        cause: for people, and the same whenever it happens again: it stands in manifests.
    """

    kind: Literal["crash", "killed", "memory", "stall", "node"]
    cause: str


@dataclass
class Task:
    """A job on its way: which items it lost workers at, and which items are given up already.

    Attributes:
        skip: items given up, with the Fail that stands for them. only: the item that is on trial alone.
        lost: why the whole unit is given up; "" while it is not.
    """

    job: Job
    skip: dict[int, Fail] = field(default_factory=dict)
    only: int | None = None
    lost: str = ""
    _deaths: Counter[int] = field(default_factory=Counter)
    _outside: Counter[str] = field(default_factory=Counter)
    _acquitted: set[int] = field(default_factory=set)
    _retries: int = 0

    def attempt(self) -> Attempt:
        """What the next worker is to do."""
        return Attempt(dict(self.skip), self.only)

    def died(self, item: int | None, death: Death) -> bool:
        """Decide what comes after the worker was lost at `item` (None: outside of all items).

        Returns whether the item is to blame: otherwise the unit had better wait until others had their turn.
        """
        if death.kind == "node":
            return self._died_outside("node", NODE_DEATHS, death)
        if item in self.skip:  # it cannot even be passed over: what dies is its reader
            return self._died_outside("worker", 1, death)
        if item is None or self.only not in (None, item):
            return self._died_outside("worker", UNIT_DEATHS, death)
        self._deaths[item] += 1
        count = self._deaths[item]
        if self.only == item:
            self.only, self.skip[item] = None, _given_up(death, count, "the last time alone")
        elif item in self._acquitted:
            if count >= ITEM_DEATHS:  # healthy alone, deadly in company: nobody knows whose fault that is
                self.skip[item] = _given_up(death, count, "though not alone", retryable=True)
        elif count >= ITEM_DEATHS or death.kind == "stall":  # a stall has cost `stall_seconds` already
            self.only = item
        return True

    def survived_alone(self) -> None:
        """The item on trial did no harm: back to the whole unit, with its deaths forgiven, once."""
        assert self.only is not None
        self._acquitted.add(self.only)
        self._deaths[self.only], self.only = 0, None

    def retries(self, outcome: Outcome) -> bool:
        """Whether the unit is to be tried again because items of it failed in a way that may pass."""
        known = sum(fail.retryable for fail in self.skip.values())
        if outcome.damaged or len(outcome.retryable) <= known or self._retries >= MEMORY_RETRIES:
            return False
        self._retries += 1
        return True

    def outcome(self) -> Outcome:
        """The outcome of a unit that is given up: nothing but the reason, which may pass."""
        return Outcome(self.job.unit, None, False, (self.lost,), 0.0, 0.0, "")

    def _died_outside(self, what: str, limit: int, death: Death) -> bool:
        self._outside[what] += 1
        if self._outside[what] >= limit:
            self.lost = (
                f"the {what} was lost again and again, outside of the work on any one item ({death.cause}): opening "
                "weights, reading the input or committing the result"
            )
        return False


def _given_up(death: Death, count: int, how: str, *, retryable: bool | None = None) -> Fail:
    """The Fail of an item; only a crash by its own doing is permanent: memory, machines and stalls may get better."""
    times = f"{count} times, {how}" if count > 1 else how
    if death.kind == "crash":
        cure = "mend, re-encode or remove the file"
        detail = f"its worker died {times} ({death.cause}): {cure}"
        return Fail("worker_died", detail, retryable=bool(retryable))
    if death.kind == "stall":
        cure = "raise pipeline.stall_seconds if the work is that slow, otherwise mend or remove the file"
        return Fail("stalled", f"{death.cause}, {times}: {cure}", retryable=True)
    cure = "give the stage's workers more memory or run fewer of them (pipeline.resources), or make the file smaller"
    return Fail("out_of_memory", f"its worker was killed {times} ({death.cause}): {cure}", retryable=True)
