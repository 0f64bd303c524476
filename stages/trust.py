"""Per-pixel trust R of a label: how much a loss should listen to each pixel. Loss = ΣR·l / ΣR."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from datasets.images import Grey
from stages.base import Config
from stages.trimap import UNKNOWN


class TrustConfig(Config):
    """When a disagreement is a region.

    Attributes:
        agree: weight of the teachers that must be on the label's side.
        min_region: thickness of a region as a fraction of the frame's diagonal.
    """

    agree: float = Field(default=0.7, ge=0.5, le=1)
    min_region: float = Field(default=0.015, ge=0, le=1)


def trust_map(
    alpha: NDArray[np.float32],
    probability: NDArray[np.float32],
    support: NDArray[np.float32],
    trimap: Grey,
    config: TrustConfig,
) -> NDArray[np.float32]:
    """Trust `(H, W)` float32 in 0-1.

    Outside of the trimap's unknown band it is 1 where teachers of at least the weight `agree` are on the label's side
    and 0 where they are not over a region, a blob that holds a disk `min_region` across: there the
    label may be wrong as a whole. Thinner disagreement is about where the edge runs, and counts by its support.
    Inside the band trust is soft: 1 − |alpha − probability|, full where matting and votes say the same.

    Args:
        alpha: `(H, W)` the label, 0-1. probability: `(H, W)` fused votes, 0-1.
        support: `(H, W)` weight of the teachers on the label's side, 0-1.
        trimap: `(H, W)` uint8, see `stages.trimap`.
    """
    doubtful = (support < config.agree) & (trimap != UNKNOWN)
    across = max(1, round(config.min_region * math.hypot(*alpha.shape)))
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (across, across))
    core = cv2.morphologyEx(doubtful.astype(np.uint8), cv2.MORPH_OPEN, disk)
    _, blobs = cv2.connectedComponents(doubtful.astype(np.uint8), connectivity=8)
    regions = doubtful & np.isin(blobs, np.unique(blobs[core > 0]))
    trust = np.where(doubtful, support, np.float32(1))
    trust[regions] = 0
    band = trimap == UNKNOWN
    trust[band] = 1 - np.abs(alpha[band] - probability[band])
    return np.asarray(np.clip(trust, 0, 1), np.float32)
