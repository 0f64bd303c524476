"""Votes back onto the frame: maps at a teacher's own resolution and windows become one probability map per frame.

Pixel centres lie at half-integers everywhere, so a map never shifts, whatever its size and wherever its window lies.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.images import Grey, decode_grey
from datasets.schema import VoteRow

Window = Sequence[float]
"""`[x0, y0, x1, y1]` as fractions of the frame's width and height; may reach outside 0-1."""


def paste(vote: VoteRow, width: int, height: int) -> Grey | None:
    """Foreground probability `(height, width)` uint8 (255 = foreground) of a vote; None where the teacher abstains.

    Where windows overlap the larger probability holds; outside of every window it is 0. Maps are enlarged bilinearly
    and reduced by area.
    """
    return paste_maps(
        [(window, decode_grey(data)) for window, data in zip(vote.windows, vote.maps, strict=True)], width, height
    )


def paste_maps(maps: Sequence[tuple[Window, Grey]], width: int, height: int) -> Grey | None:
    """As `paste`, from decoded `(window, (h, w) uint8)` pairs."""
    if not maps:
        return None
    canvas = np.zeros((height, width), np.uint8)
    for window, grey in maps:
        ys, xs = _inside(window[1], window[3], height), _inside(window[0], window[2], width)
        if ys.size and xs.size:
            placed = _sample(_reduced(grey, window, width, height), window, ys, xs, width, height)
            target = canvas[ys[0] : ys[-1] + 1, xs[0] : xs[-1] + 1]
            np.maximum(target, placed, out=target)
    return canvas


def covered(vote: VoteRow, width: int, height: int) -> NDArray[np.bool_]:
    """Where the teacher looked: `(height, width)` bool, true for pixels whose centre lies in one of its windows."""
    seen = np.zeros((height, width), np.bool_)
    for x0, y0, x1, y1 in vote.windows:
        seen[np.ix_(_inside(y0, y1, height), _inside(x0, x1, width))] = True
    return seen


def _inside(start: float, stop: float, size: int) -> NDArray[np.intp]:
    """Indices of the pixels along one axis whose centres lie in `[start, stop)`."""
    centres = (np.arange(size) + 0.5) / size
    return np.flatnonzero((centres >= start) & (centres < stop))


def _reduced(grey: Grey, window: Window, width: int, height: int) -> Grey:
    """The map, area-averaged to about the frame's density where it is denser: bilinear sampling alone would alias."""
    rows = min(grey.shape[0], max(1, round((window[3] - window[1]) * height)))
    columns = min(grey.shape[1], max(1, round((window[2] - window[0]) * width)))
    if (rows, columns) == grey.shape:
        return grey
    return np.asarray(cv2.resize(grey, (columns, rows), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _sample(grey: Grey, window: Window, ys: NDArray[np.intp], xs: NDArray[np.intp], width: int, height: int) -> Grey:
    """Bilinear samples of the map at frame pixels `ys` x `xs`, edges replicated.

    Separable and in floating point: `cv2.warpAffine` rounds positions to 1/32 pixel, which shows when a 256 px map is
    enlarged several times.
    """
    x0, y0, x1, y1 = window
    top, bottom, down = _neighbours((((ys + 0.5) / height) - y0) / (y1 - y0), grey.shape[0])
    left, right, across = _neighbours((((xs + 0.5) / width) - x0) / (x1 - x0), grey.shape[1])
    rows = grey[top] * (1 - down)[:, None] + grey[bottom] * down[:, None]
    values = rows[:, left] * (1 - across) + rows[:, right] * across
    return np.rint(values).astype(np.uint8)


def _neighbours(
    fraction: NDArray[np.float64], size: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """The two pixels around each position along one axis of `size` pixels, and the weight of the second."""
    position = np.clip(fraction * size - 0.5, 0, size - 1)
    lower = np.floor(position).astype(np.intp)
    return lower, np.minimum(lower + 1, size - 1), (position - lower).astype(np.float32)
