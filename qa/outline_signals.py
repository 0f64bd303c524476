"""Signals of a label's outline: how jagged it is, how well it follows the picture, and how it fits the person boxes."""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from datasets.images import Grey
from qa.metrics import Mask
from qa.view import View

SMOOTH = 0.006
"""Standard deviation, as a fraction of the diagonal, of the smoothing that an outline is compared with."""
STRETCH = 0.08
"""Length, as a fraction of the diagonal, of a stretch of outline."""
MAIN = 0.5
"""Boxes count from this fraction of the best box's score."""
BOX_REACH = 0.3
"""How far outside of a box, as a fraction of its size, foreground may lie and still be that person's."""
DIFFERENT = 0.97
"""IoU with the label below which a teacher has an outline of its own."""


def outline_signals(view: View) -> dict[str, float]:
    """Signals of the outline; those that a label cannot have (no outline, no votes, no boxes) are left out.

    - `jagged_length`: length of the outline over the length of its smoothed version, both at the label's own
      resolution; `jagged_area`: area between the two over their length, as a fraction of the diagonal.
    - `edge_mean`: mean edge strength of the picture along the outline; `edge_low`: of its weakest tenth of stretches.
    - `rival_fit`: edge strength along the best outline of the teachers that differ, minus along the label's.
    - `box_short`, `box_over`: largest distance by which the foreground stays behind, or goes beyond, a side of a
      person's box, as a fraction of the box's size. Sides at the picture's border do not count as gone beyond.
    """
    signals: dict[str, float] = {}
    if view.label.edge.any():
        signals |= jaggedness(view.fine) | _edges(view)
    if view.boxes and view.label.mask.any():
        signals |= box_sides(view.label.mask, view.boxes, view.scores)
    return signals


def jaggedness(mask: Mask) -> dict[str, float]:
    """`jagged_length` and `jagged_area` of a mask with an outline, see `outline_signals`."""
    diagonal = math.hypot(*mask.shape)
    x, y, wide, high = cv2.boundingRect(mask.astype(np.uint8))
    margin = math.ceil(3 * SMOOTH * diagonal) + 2
    mask = mask[max(0, y - margin) : y + high + margin, max(0, x - margin) : x + wide + margin]
    grey = mask.astype(np.uint8) * 255
    calm = _smoothed(grey, max(0.8, SMOOTH * diagonal)) >= 128
    length, calm_length = _length(mask), _length(calm)
    return {
        "jagged_length": length / calm_length if calm_length else 4.0,
        "jagged_area": float(np.count_nonzero(mask ^ calm)) / max(length, 1.0) / diagonal,
    }


def _smoothed(grey: Grey, deviation: float) -> Grey:
    """Three means over squares, which come close to a Gaussian of that standard deviation at a fourth of its cost."""
    side = max(3, 2 * round((math.sqrt(4 * deviation**2 + 1) - 1) / 2) + 1)
    for _ in range(3):
        grey = np.asarray(cv2.blur(grey, (side, side), borderType=cv2.BORDER_REPLICATE), np.uint8)
    return grey


def _length(mask: Mask) -> float:
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return float(sum(cv2.arcLength(contour, True) for contour in contours))


def _edges(view: View) -> dict[str, float]:
    near, edge = view.near_edges, view.label.edge
    own = float(np.mean(near[edge]))
    side = 2 * max(1, round(STRETCH * view.diagonal / 2)) + 1
    on = edge.astype(np.float32)
    sums = cv2.boxFilter(near * on, -1, (side, side), normalize=False)
    counts = cv2.boxFilter(on, -1, (side, side), normalize=False)
    signals = {"edge_mean": own, "edge_low": float(np.quantile(np.asarray(sums[edge] / counts[edge], np.float64), 0.1))}
    rivals = [
        float(np.mean(near[outline.edge]))
        for outline, overlap in zip(view.outlines, view.agreement[0][0, 1:], strict=True)
        if outline.edge.any() and overlap < DIFFERENT
    ]
    if view.outlines:
        signals["rival_fit"] = max(rivals) - own if rivals else 0.0
    return signals


def box_sides(mask: Mask, boxes: Sequence[Sequence[float]], scores: Sequence[float]) -> dict[str, float]:
    """`box_short` and `box_over` of a non-empty mask, see `outline_signals`."""
    height, width = mask.shape
    short, over = 0.0, 0.0
    for box, score in zip(boxes, scores, strict=True):
        if score < MAIN * max(scores):
            continue
        x0, y0, x1, y1 = box[0] * width, box[1] * height, box[2] * width, box[3] * height
        wide, high = max(x1 - x0, 1.0), max(y1 - y0, 1.0)
        left, top = max(0, round(x0 - BOX_REACH * wide)), max(0, round(y0 - BOX_REACH * high))
        part = mask[top : round(y1 + BOX_REACH * high) + 1, left : round(x1 + BOX_REACH * wide) + 1]
        x, y, columns, rows = cv2.boundingRect(part.astype(np.uint8))
        if not columns:
            short = max(short, 1.0)
            continue
        # A box may leave the picture, the foreground cannot.
        gaps = (
            (left + x - max(x0, 0)) / wide,
            (top + y - max(y0, 0)) / high,
            (min(x1, width) - (left + x + columns)) / wide,
            (min(y1, height) - (top + y + rows)) / high,
        )
        short, over = max(short, *gaps), max(over, *(-gap for gap in gaps))
    return {"box_short": short, "box_over": over}
