"""Guided upsampling: a small alpha to full size, with edges that follow the picture."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.images import Grey, Image

Plane = NDArray[np.float32]
"""`(H, W)` float32."""


def upsample_alpha(alpha: Grey, image: Image, *, radius: int = 4, epsilon: float = 1e-4) -> Grey:
    """`alpha` at the size of `image` by the fast guided filter (He and Sun, 2015, arXiv:1505.00996).

    A local linear model alpha = a · luma + b is fitted at alpha's size and applied at the image's, so edges land where
    the picture has them. Pixels that are surely foreground or background stay so.

    Args:
        alpha: `(h, w)` uint8.
        image: `(H, W, 3)` uint8 RGB, of alpha's size or larger.
        radius: of the window, pixels of `alpha`.
        epsilon: regulariser on luma in 0-1; larger smooths more.

    Returns:
        `(H, W)` uint8. The input itself when the sizes are equal.
    """
    height, width = image.shape[:2]
    if alpha.shape == (height, width):
        return alpha
    luma = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    guide = np.asarray(cv2.resize(luma, alpha.shape[::-1], interpolation=cv2.INTER_AREA), np.float32)
    target = alpha.astype(np.float32) / 255
    mean_guide, mean_target = _mean(guide, radius), _mean(target, radius)
    covariance = _mean(guide * target, radius) - mean_guide * mean_target
    variance = _mean(guide * guide, radius) - mean_guide**2
    slope = covariance / (variance + epsilon)
    offset = mean_target - slope * mean_guide
    slope, offset = _mean(slope, radius), _mean(offset, radius)
    size = (width, height)
    fine = cv2.resize(slope, size) * luma + cv2.resize(offset, size)
    # the window's mean leaks into flat regions: only where alpha itself changes may the picture speak
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    sure_foreground = cv2.resize(cv2.erode(alpha, kernel), size, interpolation=cv2.INTER_NEAREST) == 255
    sure_background = cv2.resize(cv2.dilate(alpha, kernel), size, interpolation=cv2.INTER_NEAREST) == 0
    result = np.rint(np.clip(fine, 0, 1) * 255).astype(np.uint8)
    result[sure_foreground] = 255
    result[sure_background] = 0
    return result


def _mean(values: NDArray[Any], radius: int) -> Plane:
    side = 2 * radius + 1
    return np.asarray(cv2.boxFilter(values, -1, (side, side), borderType=cv2.BORDER_REFLECT), np.float32)
