"""Masks that came with the footage, as one more voter: noisy like any other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from datasets.images import Grey, Image, Reduction
from stages.paste import Window
from stages.teachers.base import WHOLE, Ballot, TeacherConfig


class AnnotationConfig(TeacherConfig):
    """Reads the mask of the frame's own row; abstains where there is none."""

    runtime: Literal["annotation"] = "annotation"

    def open(self, root: Path) -> AnnotationTeacher:
        return AnnotationTeacher()


class AnnotationTeacher:
    """Votes with the frame's mask as it is."""

    def reduction(self, width: int, height: int, boxes: Sequence[Window]) -> Reduction:
        """The frame itself is not looked at."""
        return 8

    def predict(self, image: Image, boxes: Sequence[Window], mask: Grey | None = None) -> Ballot:
        """The mask over the whole frame."""
        return [] if mask is None else [(WHOLE, mask)]
