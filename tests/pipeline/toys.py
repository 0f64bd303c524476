"""Stages for tests of the runners: they work on numbers in file names, and misbehave on demand."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pydantic import Field

from datasets.schema import BoxRow
from stages.base import Config, Drop, Fail, Stage


class ToyConfig(Config):
    """`trouble` maps an item's number to what it does; with " once" behind it only the first time.

    Of the rows: drop, fail, raise, memory, partial. Of the process: abort, kill (while it fills its memory), hog (more
    than its limit), rest (two seconds), sleep (for ever), hang (for ever in C, with the interpreter's lock).
    """

    trouble: dict[int, str] = Field(default_factory=dict)
    factor: float = 1.0
    weights: tuple[str, ...] = ()


class Toy(Stage[int, BoxRow]):
    """The unit `name-N` has N items; item i makes i rows' worth of one clip, two rows each."""

    name = "toy"
    consumes = (BoxRow,)
    produces = BoxRow
    libraries = ("numpy",)
    config: ToyConfig

    def weights(self) -> Sequence[str]:
        return self.config.weights

    def items(self, inputs: Sequence[Path]) -> Iterator[int]:
        yield from range(int(inputs[0].name.split("-")[1]))

    def size(self, item: int) -> int:
        return 2

    def describe(self, item: int) -> str:
        return f"item {item}"

    def process(self, item: int) -> Iterable[BoxRow | Drop | Fail] | Drop | Fail:
        trouble = self._trouble(item)
        if trouble == "drop":
            return Drop("unwanted")
        if trouble == "fail":
            return Fail("broken", f"item {item} is broken")
        if trouble in _ENDS:
            _ENDS[trouble]()
        return self._rows(item, trouble)

    def _trouble(self, item: int) -> str:
        trouble, _, once = self.config.trouble.get(item, "").partition(" ")
        if trouble not in _ENDS:
            return trouble
        tries = self.root / f"tries-{item}"  # the process of each try, one a line
        before = tries.exists()
        with tries.open("a") as file:
            file.write(f"{os.getpid()}\n")
        return "" if once and before else trouble

    def _rows(self, item: int, trouble: str) -> Iterator[BoxRow | Drop | Fail]:
        yield _row(item, 0, self.config.factor)
        if trouble == "raise":
            raise ValueError("no such pixel")
        if trouble == "memory":
            raise MemoryError("too large")
        if trouble == "partial":
            yield Drop("second_half", count=1)
        else:
            yield _row(item, 1, self.config.factor)


class UnreadableToy(Toy):
    """Its reader, not its work, ends the process at the item with trouble."""

    def items(self, inputs: Sequence[Path]) -> Iterator[int]:
        for item in super().items(inputs):
            if self.config.trouble.get(item):
                os.abort()
            yield item


class UnopenableToy(Toy):
    """Its weights end the process that opens them."""

    def setup(self) -> None:
        os.abort()


def _kill() -> None:
    memory = bytearray(200 * 2**20)
    memory[:: os.sysconf("SC_PAGE_SIZE")] = b"." * len(memory[:: os.sysconf("SC_PAGE_SIZE")])
    os.kill(os.getpid(), signal.SIGKILL)


def _hog() -> None:
    limits = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * os.sysconf("SC_PAGE_SIZE") + 100 * 2**20, limits[1]))
    try:
        bytearray(2**30)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)


_ENDS = {
    "abort": os.abort,
    "kill": _kill,
    "hog": _hog,
    "rest": lambda: time.sleep(2),
    "sleep": lambda: time.sleep(1e6),
    "hang": lambda: ctypes.PyDLL(None).pause(),
}


def _row(item: int, index: int, factor: float) -> BoxRow:
    return BoxRow(
        source="s", clip=item, burst=0, time_us=item * 10 + index, boxes=[], scores=[item * factor], support=[]
    )
