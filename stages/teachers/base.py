"""What every teacher is: a config that opens it, and a vote on one frame."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Protocol

from datasets.images import Grey, Image, Reduction
from stages.base import Config
from stages.paste import Window

WHOLE: Window = (0.0, 0.0, 1.0, 1.0)

Ballot = list[tuple[Window, Grey]]
"""A vote: `(window, (h, w) uint8 foreground probability)` pairs; empty when the teacher abstains."""


class Teacher(Protocol):
    """Votes on single frames. Weights are open after construction; the vote depends on the arguments alone."""

    def reduction(self, width: int, height: int, boxes: Sequence[Window]) -> Reduction:
        """How many times smaller than `width` x `height` the frame may be decoded before the teacher would miss pixels.

        `predict` is then given the smaller image. 8 where it does not look at all.
        """
        ...

    def predict(self, image: Image, boxes: Sequence[Window], mask: Grey | None = None) -> Ballot:
        """The teacher's vote.

        Args:
            image: `(H, W, 3)` uint8 RGB.
            boxes: people, best first, as fractions of the frame; weak boxes already left out.
            mask: `(H, W)` uint8 annotation that came with the frame, if any.
        """
        ...


class TeacherConfig(Config, ABC):
    """What the declarations of all teachers share. `runtime` says which file of `stages/teachers` runs the teacher.

    Attributes:
        enabled: a teacher that is off votes on nothing, and its file is not fetched.
        libraries: distributions whose versions make the vote.
    """

    libraries: ClassVar[tuple[str, ...]] = ()
    enabled: bool = True

    @property
    def files(self) -> tuple[str, ...]:
        """The weight files, relative to the project's root."""
        return ()

    @abstractmethod
    def open(self, root: Path) -> Teacher:
        """The teacher with its weights open."""
