"""People before edges: foreground that no person box touches is taken out before matting could sharpen it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.paste import Window


def keep_people(probability: NDArray[np.float32], boxes: Sequence[Window], *, margin: float) -> NDArray[np.float32]:
    """`probability` `(H, W)` with every foreground component outside of all boxes set to 0.

    A component (8-connected, probability at least one half) stays whole when it touches a box enlarged `margin` times
    about its centre: an outstretched arm may leave the box. Without boxes nothing is known and nothing is removed.
    """
    if not boxes:
        return probability
    height, width = probability.shape
    _, components = cv2.connectedComponents((probability >= 0.5).astype(np.uint8), connectivity=8)
    touched = np.unique(components[_near_people(boxes, margin, height, width)])
    foreign = (components > 0) & ~np.isin(components, touched)
    return np.where(foreign, np.float32(0), probability)


def _near_people(boxes: Sequence[Window], margin: float, height: int, width: int) -> NDArray[np.bool_]:
    ys, xs = (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width
    near = np.zeros((height, width), np.bool_)
    for x0, y0, x1, y1 in boxes:
        more_x, more_y = (x1 - x0) * (margin - 1) / 2, (y1 - y0) * (margin - 1) / 2
        rows = (ys >= y0 - more_y) & (ys <= y1 + more_y)
        columns = (xs >= x0 - more_x) & (xs <= x1 + more_x)
        near |= rows[:, None] & columns
    return near
