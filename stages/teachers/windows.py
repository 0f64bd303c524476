"""Where a teacher looks: the whole frame or one window per person, cut out without any shift.

Windows have whole-pixel borders, so that a cut is a slice: its map lies exactly on the pixels it was made from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.images import Grey, Image
from stages.paste import Window


class PixelWindow(NamedTuple):
    """Whole-pixel borders; may reach outside the frame. `right` and `bottom` are exclusive."""

    left: int
    top: int
    right: int
    bottom: int

    def fractions(self, width: int, height: int) -> Window:
        """`[x0, y0, x1, y1]` as fractions of a `width` x `height` frame."""
        return (self.left / width, self.top / height, self.right / width, self.bottom / height)


def frame_window(width: int, height: int) -> PixelWindow:
    """The whole frame."""
    return PixelWindow(0, 0, width, height)


def person_window(box: Window, width: int, height: int, *, padding: float) -> PixelWindow:
    """The box enlarged `padding` times about its centre and rounded outwards; may reach outside the frame."""
    x0, y0, x1, y1 = grown(box, padding)
    return PixelWindow(
        int(np.floor(x0 * width)), int(np.floor(y0 * height)), int(np.ceil(x1 * width)), int(np.ceil(y1 * height))
    )


def clipped(window: PixelWindow, width: int, height: int) -> PixelWindow:
    """The part of the window inside the frame."""
    return PixelWindow(max(0, window.left), max(0, window.top), min(width, window.right), min(height, window.bottom))


def widened(window: PixelWindow, aspect: float) -> PixelWindow:
    """The smallest window about the same centre with width / height = `aspect` (to a pixel) that holds the window."""
    columns, rows = window.right - window.left, window.bottom - window.top
    more_columns, more_rows = max(0, round(rows * aspect) - columns), max(0, round(columns / aspect) - rows)
    return PixelWindow(
        window.left - more_columns // 2,
        window.top - more_rows // 2,
        window.right + more_columns - more_columns // 2,
        window.bottom + more_rows - more_rows // 2,
    )


def grown(box: Window, factor: float) -> Window:
    """The box enlarged `factor` times about its centre; may reach outside 0-1."""
    x0, y0, x1, y1 = box
    more_x, more_y = (x1 - x0) * (factor - 1) / 2, (y1 - y0) * (factor - 1) / 2
    return (x0 - more_x, y0 - more_y, x1 + more_x, y1 + more_y)


def cut(image: Image, window: PixelWindow, size: tuple[int, int]) -> Image:
    """The window's pixels resized to `size` = (height, width); outside the frame its border pixels are repeated."""
    height, width = image.shape[:2]
    left, top, right, bottom = clipped(window, width, height)
    inside = image[top:bottom, left:right]
    margins = (top - window.top, window.bottom - bottom, left - window.left, window.right - right)
    if any(margins):
        inside = np.asarray(cv2.copyMakeBorder(inside, *margins, cv2.BORDER_REPLICATE), dtype=np.uint8)
    return resized(inside, size)


def resized(image: Image, size: tuple[int, int]) -> Image:
    """`image` at `size` = (height, width): by area where it shrinks, bilinearly where it grows.

    One axis after the other where only one of them shrinks: OpenCV's area interpolation would take nearest neighbours
    along the other.
    """
    height, width = image.shape[:2]
    shrinks = size[0] < height, size[1] < width
    steps = [size] if all(shrinks) or not any(shrinks) else [(size[0], width), size]
    for rows, columns in steps:
        if (rows, columns) != image.shape[:2]:
            area = rows < image.shape[0] or columns < image.shape[1]
            flag = cv2.INTER_AREA if area else cv2.INTER_LINEAR
            image = np.asarray(cv2.resize(image, (columns, rows), interpolation=flag), dtype=np.uint8)
    return image


def gated(grey: Grey, window: Window, boxes: Sequence[Window], *, margin: float) -> Grey:
    """`grey` `(h, w)` of a window, zeroed where its pixels lie outside every box enlarged `margin` times."""
    x0, y0, x1, y1 = window
    xs = x0 + (np.arange(grey.shape[1]) + 0.5) / grey.shape[1] * (x1 - x0)
    ys = y0 + (np.arange(grey.shape[0]) + 0.5) / grey.shape[0] * (y1 - y0)
    inside: NDArray[np.bool_] = np.zeros(grey.shape, np.bool_)
    for left, top, right, bottom in (grown(box, margin) for box in boxes):
        inside |= ((ys >= top) & (ys < bottom))[:, None] & ((xs >= left) & (xs < right))
    return np.where(inside, grey, np.uint8(0))
