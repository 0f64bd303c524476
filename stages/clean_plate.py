"""The picture of a room without its people: a temporal median of what a static camera saw behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.images import Image

MIN_SEEN = 3
"""A pixel is known when at least so many frames saw it without a person: a median of fewer rejects nothing."""
MOVED_LEVELS = 12
"""A background pixel whose median absolute deviation over time exceeds this many grey levels has moved."""
STRIP = 32
"""Rows worked on at once: the stack of all frames in floating point would be several times the frames."""


@dataclass(frozen=True)
class CleanPlate:
    """A room without people.

    Attributes:
        image: `(H, W, 3)` uint8 RGB; pixels never seen are inpainted.
        coverage: fraction of the pixels that were seen, 0-1.
        moving: fraction of the seen pixels whose brightness does not hold still, 0-1: high when the camera moves.
    """

    image: Image
    coverage: float
    moving: float


def clean_plate(frames: Sequence[Image], people: Sequence[NDArray[np.bool_]]) -> CleanPlate:
    """Temporal median of the pixels outside `people`.

    Args:
        frames: T images `(H, W, 3)` uint8 RGB of one size.
        people: T masks `(H, W)`, true where a person, their halo or their shadow may be.
    """
    height, width = frames[0].shape[:2]
    plate = np.zeros((height, width, 3), np.uint8)
    seen = np.zeros((height, width), np.bool_)
    moved = 0
    for top in range(0, height, STRIP):
        rows = slice(top, top + STRIP)
        hidden = np.stack([mask[rows] for mask in people])
        stack = np.stack([frame[rows] for frame in frames]).astype(np.int16)
        seen[rows] = (~hidden).sum(axis=0) >= MIN_SEEN
        median = _median(stack, hidden)
        deviation = _median(np.abs(stack - median).mean(axis=3, keepdims=True).astype(np.int16), hidden)[..., 0]
        moved += int(np.count_nonzero((deviation > MOVED_LEVELS) & seen[rows]))
        plate[rows] = median
    known = int(np.count_nonzero(seen))
    return CleanPlate(_fill(plate, ~seen), known / seen.size, moved / max(known, 1))


def _median(stack: NDArray[np.int16], hidden: NDArray[np.bool_]) -> NDArray[np.int16]:
    """`(h, W, C)` lower median over time of `(T, h, W, C)` values 0-255 where not `hidden` `(T, h, W)`; 0 if never.

    Sorts, with hidden values last: several times quicker than a median that skips NaN.
    """
    ordered = np.sort(np.where(hidden[..., None], np.int16(256), stack), axis=0)
    middle = np.maximum((~hidden).sum(axis=0) - 1, 0) // 2
    median = np.take_along_axis(ordered, middle[None, ..., None], axis=0)[0]
    return np.asarray(np.where(median > 255, 0, median), np.int16)


def _fill(plate: Image, holes: NDArray[np.bool_]) -> Image:
    """Holes filled from their rims (Telea, 2004)."""
    if not holes.any() or holes.all():
        return plate
    return np.asarray(cv2.inpaint(plate, holes.astype(np.uint8), 5, cv2.INPAINT_TELEA), np.uint8)
