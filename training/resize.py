"""The one way frames and masks change size on their way into and out of the student."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray


def resize(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """`pixels` `(H, W)` or `(H, W, C)` uint8 stretched to `size` (height, width): averaged down, interpolated up."""
    height, width = size
    if pixels.shape[:2] == size:
        return pixels
    shrinks = pixels.shape[0] * pixels.shape[1] > height * width
    mode = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=mode), dtype=np.uint8)
