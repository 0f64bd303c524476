"""What can be seen of a vote without truth: whether it follows the picture, whether others agree, how sure it is."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.images import Image
from stages.paste import Window
from stages.strategies import Stack

SIGNALS = (
    "edge_fit",
    "agreement_with_mean",
    "agreement_with_others",
    "agreement_with_nearest",
    "inside_boxes",
    "relative_area",
    "sureness",
)
"""Their names, in the order of the columns of `teacher_signals`."""

Signals = NDArray[np.float32]
"""`(T, len(SIGNALS))` float32."""


def teacher_signals(votes: Stack, edges: NDArray[np.float32], boxes: Sequence[Window]) -> Signals:
    """The signals of every teacher's vote on one frame.

    - `edge_fit`: see there.
    - `agreement_with_mean`, `_others`, `_nearest`: IoU at one half with the mean of all votes; the mean and the largest
      IoU with another vote (1 where nobody else voted).
    - `inside_boxes`: share of the vote's mass inside the person boxes.
    - `relative_area`: logarithm of its mass over that of the mean vote.
    - `sureness`: mean of |2 vote - 1|.

    Args:
        votes: `(T, H, W)`, 0-1. edges: `(H, W)` from `edge_strength` of the frame.
        boxes: confident person boxes, as fractions.
    """
    mean = votes.mean(axis=0)
    masks = votes >= 0.5
    agreement = _agreement(masks)
    masses, whole = votes.sum(axis=(1, 2), dtype=np.float64), max(float(mean.sum()), 1.0)
    inside = _inside(boxes, *mean.shape)
    rows = []
    for index, vote in enumerate(votes):
        others = np.delete(agreement[index], index)
        mass = max(float(masses[index]), 1.0)
        rows.append(
            (
                edge_fit(vote, edges),
                _iou(masks[index], mean >= 0.5),
                others.mean() if len(others) else 1.0,
                others.max(initial=0.0) if len(others) else 1.0,
                float(vote[inside].sum()) / mass,
                np.log(mass / whole),
                float(np.abs(2 * vote - 1).mean()),
            )
        )
    return np.array(rows, np.float32)


def edge_strength(image: Image) -> NDArray[np.float32]:
    """`(H, W)` float32 0-1: gradient of the picture (largest of R, G, B), 1 from its own 90th percentile upwards."""
    smooth = cv2.GaussianBlur(image, (0, 0), 1.0)
    x, y = (cv2.Sobel(smooth, cv2.CV_32F, dx, dy) for dx, dy in ((1, 0), (0, 1)))
    strength = np.hypot(x, y).max(axis=2)  # not cv2.magnitude: its last bit depends on where the array lies in memory
    return np.asarray(np.clip(strength / max(float(np.quantile(strength, 0.9)), 1.0), 0, 1), np.float32)


def edge_fit(vote: NDArray[np.float32], edges: NDArray[np.float32]) -> float:
    """Mean edge strength, 0-1, along the contour of `vote` `(H, W)`; 0 when it has no contour.

    A contour that follows the picture's edges is right more often than one that crosses flat areas.
    """
    mask = (vote >= 0.5).astype(np.uint8)
    contour = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    return float(np.mean(edges[contour])) if contour.any() else 0.0


def _agreement(masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """`(T, T)` IoU of every pair."""
    found = np.ones((len(masks), len(masks)))
    for one in range(len(masks)):
        for other in range(one):
            found[one, other] = found[other, one] = _iou(masks[one], masks[other])
    return found


def _iou(one: NDArray[np.bool_], other: NDArray[np.bool_]) -> float:
    """1 where both are empty."""
    either = np.count_nonzero(one | other)
    return np.count_nonzero(one & other) / either if either else 1.0


def _inside(boxes: Sequence[Window], height: int, width: int) -> NDArray[np.bool_]:
    ys, xs = (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width
    inside = np.zeros((height, width), np.bool_)
    for x0, y0, x1, y1 in boxes:
        inside |= ((ys >= y0) & (ys <= y1))[:, None] & ((xs >= x0) & (xs <= x1))
    return inside
