"""What every person detector answers, and what single-shot detectors share: anchors and the merging of overlaps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from datasets.images import Image

Floats = NDArray[np.float64]


class Detections(NamedTuple):
    """Person boxes of one frame, best first.

    Attributes:
        boxes: `(N, 4)` float64 `[x0, y0, x1, y1]` as fractions of the frame, clipped to 0-1.
        scores: `(N,)` float64 0-1.
    """

    boxes: Floats
    scores: Floats


class Detector(Protocol):
    """Finds people in one frame. Weights are open after construction.

    Attributes:
        size: side in pixels of the square that the frame is shrunk to.
    """

    size: int

    def detect(self, image: Image) -> Detections:
        """People in an `(H, W, 3)` uint8 RGB image."""
        ...


def grid_anchors(cells: int, shapes: Sequence[tuple[float, float]]) -> Floats:
    """Anchors `[cx, cy, w, h]` of one square feature map as fractions, row by row, `(cells² * len(shapes), 4)`."""
    centres = (np.arange(cells) + 0.5) / cells
    cy, cx = np.meshgrid(centres, centres, indexing="ij")
    per_cell = np.repeat(np.stack([cx.ravel(), cy.ravel()], axis=1), len(shapes), axis=0)
    return np.concatenate([per_cell, np.tile(np.array(shapes), (cells * cells, 1))], axis=1)


def sigmoid(logits: NDArray[np.float32]) -> Floats:
    """Logistic function in float64; logits beyond ±100 are clipped (`score_clipping_thresh` of MediaPipe)."""
    return 1 / (1 + np.exp(-np.clip(logits.astype(np.float64), -100, 100)))


def intersection_over_union(box: Floats, boxes: Floats) -> Floats:
    """IoU of one `(4,)` box with `(N, 4)` boxes; empty boxes have IoU 0."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    overlap = np.clip(high - low, 0, None).prod(axis=1)
    area = np.clip(box[2:] - box[:2], 0, None).prod() + np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(axis=1)
    return np.asarray(overlap / np.maximum(area - overlap, 1e-12))


def blend_overlaps(boxes: Floats, scores: Floats, *, values: Floats, iou: float) -> tuple[Floats, Floats]:
    """Weighted non-maximum suppression: overlapping detections become one, their `values` averaged by score.

    It jitters less from frame to frame than keeping the best alone (Bazarevsky et al., BlazeFace, 2019, section 3.4).

    Args:
        boxes: `(N, 4)` what overlap is judged by. scores: `(N,)`. values: `(N, D)` what is averaged.
        iou: overlap from which two detections are one.

    Returns:
        `(M, D)` values and `(M,)` scores (the best of each group), best first.
    """
    order = np.argsort(-scores, kind="stable")
    blended, kept = [], []
    while order.size:
        best = order[0]
        same = intersection_over_union(boxes[best], boxes[order]) >= iou
        same[0] = True
        group, order = order[same], order[~same]
        blended.append(np.average(values[group], axis=0, weights=scores[group]))
        kept.append(scores[best])
    return np.array(blended).reshape(-1, values.shape[1]), np.array(kept, dtype=np.float64)


def clipped(boxes: Floats, scores: Floats) -> Detections:
    """Boxes clipped to the frame; those wholly outside are left out."""
    inside = np.clip(boxes, 0, 1)
    seen = (inside[:, 2] > inside[:, 0]) & (inside[:, 3] > inside[:, 1])
    return Detections(inside[seen], scores[seen])
