"""Frames of known truth with their votes, small enough to keep thousands of them in memory: what is fitted on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.images import Grey
from qa.metrics import iou
from stages.fuse import Evidence
from stages.reliability import Expertise, Shot, weigh
from stages.strategies import Weights
from stages.teacher_signals import Signals

SIDE = 192
"""Longest side in pixels of what is kept."""


@dataclass(frozen=True)
class KnownFrame:
    """One frame of known truth and the votes on it.

    Attributes:
        group: the source it stems from. What is measured on a source is fitted on no frame of its group.
        collection: the set of footage it belongs to.
        teachers: names of the T teachers that voted.
        votes: `(T, h, w)` uint8. truth: `(h, w)` uint8, averaged by area.
        shot: the kind of shot.
        signals: `(T, S)` of `stages.teacher_signals` at label size. ious: every teacher's IoU with truth there.
    """

    group: str
    collection: str
    teachers: tuple[str, ...]
    votes: NDArray[np.uint8]
    truth: Grey
    shot: Shot
    signals: Signals
    ious: tuple[float, ...]

    def weights(self, expertise: Mapping[str, Expertise], slopes: Mapping[str, float]) -> Weights:
        """Weight of each teacher, as `fuse` gives it."""
        return weigh(self.signals, self.teachers, self.shot, expertise, slopes)

    def maps(self) -> NDArray[np.float32]:
        """The votes as `(T, h, w)` float32 0-1."""
        return self.votes.astype(np.float32) / np.float32(255)


def known_frame(evidence: Evidence, truth: Grey, *, group: str, collection: str, side: int = SIDE) -> KnownFrame:
    """What is kept of a frame; `truth` is `(H, W)` uint8 at any size of the same shape."""
    height, width = evidence.image.shape[:2]
    exact = sized(truth, width, height)
    scale = min(1.0, side / max(width, height))
    columns, rows = max(1, round(width * scale)), max(1, round(height * scale))
    return KnownFrame(
        group=group,
        collection=collection,
        teachers=tuple(evidence.teachers),
        votes=np.stack([sized(np.rint(vote * 255).astype(np.uint8), columns, rows) for vote in evidence.votes]),
        truth=sized(exact, columns, rows),
        shot=evidence.shot,
        signals=evidence.signals,
        ious=tuple(iou(vote, exact) for vote in evidence.votes),
    )


def sized(values: Grey, width: int, height: int) -> Grey:
    """`(height, width)` uint8: by area where it shrinks, bilinearly where it grows."""
    if values.shape == (height, width):
        return values
    shrinks = width < values.shape[1] or height < values.shape[0]
    flag = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(values, (width, height), interpolation=flag), np.uint8)
