"""How far the votes support a label where they support it least."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from qa.metrics import Mask

TEMPERATURE = 0.1


def least_support(votes: NDArray[np.float32], label: Mask) -> float:
    """Soft minimum over the pixels of the probability that the votes give to what the label says there, 0-1.

    `Σ s · softmax((1 − s) / 0.1)`: a contradicted region weighs by its size and, far more, by how sure the votes are.
    Source: V. Lad, J. Mueller, "Estimating label quality and errors in semantic segmentation data via any model",
    ICML workshop DMLR 2023, "softmin"; here in 256 steps.

    Args:
        votes: `(H, W)` float32 0-255, a mean of votes. label: `(H, W)`.
    """
    against = np.abs(votes - np.float32(255) * label).astype(np.uint8)
    counts = cv2.calcHist([against], [0], None, [256], [0, 256]).ravel().astype(np.float64)
    support = 1 - np.arange(256) / 255
    weights = counts * np.exp((1 - support) / TEMPERATURE)
    return float((weights * support).sum() / weights.sum())
