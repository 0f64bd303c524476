"""The stage contract: what every transformation of frames promises, whoever runs it."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel, ConfigDict

from datasets.clips import Clip, read_clips
from datasets.schema import Row

In = TypeVar("In")
Out = TypeVar("Out", bound=Row)


class Config(BaseModel):
    """A stage's frozen configuration. An unknown key in `params.yaml` is an error that names it."""

    model_config = ConfigDict(frozen=True, extra="forbid")


@dataclass(frozen=True)
class Drop:
    """Input left out on purpose. `reason` is a short machine-readable slug, counted in the manifest.

    `count` is in units of the stage's input; None means the whole item.
    """

    reason: str
    count: int | None = None


@dataclass(frozen=True)
class Fail:
    """Input that could not be worked on. A permanent Fail is a cached result; a retryable one never is.

    `detail` names the file or clip, what was expected and what to do; it is shown in the report.
    """

    reason: str
    detail: str = ""
    retryable: bool = False
    count: int | None = None


class Stage(ABC, Generic[In, Out]):
    """One transformation. Built from one frozen config; knows no Ray, no DVC, no command line, and prints nothing.

    Attributes:
        name: also the folder under `data/`.
        consumes: row types read, the primary one first: counts are in units of its rows (ingest: source files).
        produces: the row type written.
        device: kind of device the numbers are made on (`cpu` or `cuda`); it enters the shard keys too.
        libraries: distributions whose versions make the numbers; they enter the shard keys.
        streams: an item may yield more rows than fit in memory; they are written as they come.
        model_seconds: wall seconds spent inside models since construction, see `model_time`.
    """

    name: ClassVar[str]
    consumes: ClassVar[tuple[type[Row], ...]]
    produces: ClassVar[type[Row]]
    libraries: tuple[str, ...] = ("numpy", "opencv-python-headless")
    device: str = "cpu"
    streams: ClassVar[bool] = False

    def __init__(self, config: Any, *, root: Path = Path()) -> None:
        self.config = config
        self.root = root
        self.model_seconds = 0.0

    def modules(self) -> Sequence[str]:
        """Modules whose code, with all that it imports, makes the rows; its digest enters the keys."""
        return (type(self).__module__,)

    def weights(self) -> Sequence[str]:
        """Paths, relative to the project's root, of the weight files this stage opens; digests enter the keys."""
        return ()

    def setup(self) -> None:
        """Open weights. Called once in the worker process, before the first item."""

    @abstractmethod
    def items(self, inputs: Sequence[Path]) -> Iterator[In]:
        """The items inside one unit of work, in a fixed order; `inputs` are its shard (or source) files."""

    @abstractmethod
    def size(self, item: In) -> int:
        """How many units of input the item is (frames; for ingest source files)."""

    @abstractmethod
    def describe(self, item: In) -> str:
        """A name for people: which source, which burst. Used in messages and Fails."""

    @abstractmethod
    def process(self, item: In) -> Iterable[Out | Drop | Fail] | Drop | Fail:
        """Transform one item. Values of Drop and Fail inside the iterable speak for `count` units of the item.

        Units of the item that are neither dropped nor failed are done.
        """

    def teardown(self) -> None:
        """Close what `setup` opened."""

    @contextmanager
    def model_time(self) -> Iterator[None]:
        """Count the wall time inside as time spent in a model (for the table of where the time goes)."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self.model_seconds += time.perf_counter() - start


class ClipStage(Stage[Clip, Out]):
    """A stage whose item is one burst of frames with everything earlier stages know of them."""

    def items(self, inputs: Sequence[Path]) -> Iterator[Clip]:
        return read_clips(inputs, primary=self.consumes[0])

    def size(self, item: Clip) -> int:
        return len(item)

    def describe(self, item: Clip) -> str:
        return item.describe()
