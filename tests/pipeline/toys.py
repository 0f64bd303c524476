"""Stages for tests of the runners: they work on numbers in file names, and misbehave on demand."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pydantic import Field

from datasets.schema import BoxRow
from stages.base import Config, Drop, Fail, Stage


class ToyConfig(Config):
    """`trouble` maps an item's number to what it does: drop, fail, raise, abort, memory, partial."""

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
        trouble = self.config.trouble.get(item, "")
        if trouble == "drop":
            return Drop("unwanted")
        if trouble == "fail":
            return Fail("broken", f"item {item} is broken")
        if trouble == "abort":
            os.abort()
        return self._rows(item, trouble)

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


def _row(item: int, index: int, factor: float) -> BoxRow:
    return BoxRow(
        source="s", clip=item, burst=0, time_us=item * 10 + index, boxes=[], scores=[item * factor], support=[]
    )
