"""What a person holds: a bag that truth counts as theirs, that one teacher sees whole and the others leave out."""

from __future__ import annotations

import math

import cv2
import numpy as np

from qa.metrics import Mask, boundary, within

HELD = "held_area"
"""Name of the signal of what may be held."""
REACH = 0.0125
"""How far from the label, over the diagonal, an outline still counts as touching it."""
TOUCHING = 0.1
"""Share of a region's outline that touches the label of whoever holds it."""
HEIGHTS = (0.3, 0.9)
"""Where a held thing's middle lies, from the top to the bottom of the part of the label that it touches."""
TALLEST = 0.45
"""Its greatest height over that part's: what is taller is somebody else."""


def is_held(label: Mask, region: Mask) -> bool:
    """Whether a region that a label lacks may be held: beside a person, at the height of hands, and not tall.

    By geometry alone, from where bags hang and passers-by stand. On photos of people in the street the truth has one
    such region of four, on action video and talking heads none: a reason to look, not to change the label.

    Args:
        label, region: `(H, W)` bool, apart from each other.
    """
    reach = max(1, round(REACH * math.hypot(*label.shape)))
    if not label.any() or np.mean(within(label, reach)[boundary(region)]) <= TOUCHING:
        return False
    _, parts, boxes, _ = cv2.connectedComponentsWithStats(label.astype(np.uint8))
    touched = parts[label & within(region, reach + 2)]  # an outline lies up to one pixel beside
    top, height = boxes[np.bincount(touched).argmax(), [cv2.CC_STAT_TOP, cv2.CC_STAT_HEIGHT]]
    rows = np.flatnonzero(region.any(axis=1))
    middle = float(np.average(rows, weights=np.count_nonzero(region[rows], axis=1)))
    return bool(HEIGHTS[0] < (middle - top) / height < HEIGHTS[1] and rows[-1] - rows[0] < TALLEST * height)
