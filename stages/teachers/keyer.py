"""The chroma keyer as a teacher: near-exact before a blue or green screen, silent elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field

from datasets.images import Grey, Image, Reduction
from stages.keying import estimate_screen, key
from stages.paste import Window
from stages.teachers.base import WHOLE, Ballot, TeacherConfig
from stages.teachers.windows import gated


class KeyerConfig(TeacherConfig):
    """Votes only where a screen is found and what stands before it is where the detectors see people.

    Attributes:
        min_inside: fraction of the keyed foreground that must lie in the person boxes. A deep blue sky passes for a
            screen; what stands before it is a skyline.
        margin: how many times the boxes are enlarged for that.
    """

    runtime: Literal["keyer"] = "keyer"
    min_inside: float = Field(default=0.8, ge=0, le=1)
    margin: float = Field(default=1.25, ge=1)

    def open(self, root: Path) -> KeyerTeacher:
        return KeyerTeacher(self)


class KeyerTeacher:
    """Votes with the keyed alpha."""

    def __init__(self, config: KeyerConfig) -> None:
        self._config = config

    def reduction(self, width: int, height: int, boxes: Sequence[Window]) -> Reduction:
        """An alpha of the frame's size needs the frame as it is; without people there is nothing to key."""
        return 1 if boxes else 8

    def predict(self, image: Image, boxes: Sequence[Window], mask: Grey | None = None) -> Ballot:
        """The alpha over the whole frame, at the frame's size; abstains without a screen or without people."""
        screen = estimate_screen(image) if boxes else None
        if screen is None:
            return []
        alpha = key(image, screen).alpha
        inside = gated(alpha, WHOLE, boxes, margin=self._config.margin)
        total = float(alpha.sum(dtype=np.float64))
        if total == 0 or float(inside.sum(dtype=np.float64)) < self._config.min_inside * total:
            return []
        return [(WHOLE, alpha)]
