"""What a reviewer is shown of a label, and what the label is once they have decided.

A reviewer paints on a binary mask. What they leave alone keeps the label's soft alpha, hair above all; what they turned
is hard, and so is its surroundings, where the old softness belonged to an outline that is gone.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.images import Grey, Image

Mask = NDArray[np.bool_]

THRESHOLD = 127
"""Alpha above it is person, in the mask that is shown and in the one that comes back (a brush's edge is smooth)."""
REACH = 0.015
"""How far a painted pixel makes the old outline's softness void, as a fraction of the frame's diagonal."""


def sized(values: Grey | Image, width: int, height: int) -> NDArray[np.uint8]:
    """`(height, width)` or `(height, width, 3)` uint8: averaged down or interpolated up."""
    if values.shape[:2] == (height, width):
        return values
    shrinks = values.shape[0] > height or values.shape[1] > width
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(values, (width, height), interpolation=way), np.uint8)


def shown_mask(alpha: Grey, width: int, height: int) -> Mask:
    """`(height, width)` bool: the binary mask of a label as a reviewer sees it."""
    return np.asarray(sized(alpha, width, height) > THRESHOLD)


def decided_alpha(reviewed: Mask, alpha: Grey) -> Grey:
    """`(H, W)` uint8: the reviewed mask with the label's softness where nobody touched it.

    `alpha` is the label before, brought to the mask's size. Thresholded, the result is exactly the reviewed mask.

    Raises:
        ValueError: they differ in size.
    """
    if reviewed.shape != alpha.shape:
        raise ValueError(f"the reviewed mask is {reviewed.shape}, the label {alpha.shape}: bring it to the mask's size")
    touched = reviewed != (alpha > THRESHOLD)
    if not touched.any():
        return alpha.copy()
    radius = max(2, round(REACH * math.hypot(*alpha.shape)))
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    void = cv2.dilate(touched.astype(np.uint8), disk) > 0
    return np.where(void, np.where(reviewed, 255, 0), alpha).astype(np.uint8)
