"""A trimap from disagreement: sure where the teachers agree, an unknown band of bounded width where they do not."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from datasets.images import Grey
from stages.base import Config

BACKGROUND, UNKNOWN, FOREGROUND = 0, 128, 255


class TrimapConfig(Config):
    """When a pixel is sure, and how wide the unknown band may be.

    Attributes:
        sure: probability from which a pixel counts as sure.
        agree: disagreement, 0 (all teachers say the same) to 1, up to which teachers count as agreeing.
        narrow, wide: half widths of the band as fractions of the frame's diagonal: always, and where there is doubt.
    """

    sure: float = Field(default=0.95, ge=0.5, le=1)
    agree: float = Field(default=0.5, ge=0, le=1)
    narrow: float = Field(default=0.002, ge=0, le=0.1)
    wide: float = Field(default=0.012, ge=0, le=0.1)


def trimap_from_votes(probability: NDArray[np.float32], spread: NDArray[np.float32], config: TrimapConfig) -> Grey:
    """`(H, W)` uint8 of BACKGROUND, UNKNOWN and FOREGROUND.

    Semantics come first: a pixel is on its side of the contour `probability = 0.5`. It is unknown within `narrow` of
    that contour, always, and within `wide` of it where the teachers are unsure (probability between `1 - sure` and
    `sure`) or disagree (spread above `agree`). Farther from the contour doubt is about a region, not about an edge:
    matting cannot settle it, so the pixel keeps its side.

    Args:
        probability: `(H, W)`, fused, 0-1.
        spread: `(H, W)`, disagreement of the teachers, 0 (all the same) to 1.
    """
    height, width = probability.shape
    diagonal = math.hypot(height, width)
    inside = probability >= 0.5
    trimap = np.where(inside, FOREGROUND, BACKGROUND).astype(np.uint8)
    if inside.all() or not inside.any():
        return trimap
    distance = np.where(inside, _distance(inside), _distance(~inside))
    doubtful = (np.maximum(probability, 1 - probability) < config.sure) | (spread > config.agree)
    unknown = (distance <= max(1.0, config.narrow * diagonal)) | (
        doubtful & (distance <= max(1.0, config.wide * diagonal))
    )
    trimap[unknown] = UNKNOWN
    return trimap


def _distance(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Euclidean distance in pixels of every true pixel to the nearest false one (the frame's border is no edge)."""
    return np.asarray(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)
