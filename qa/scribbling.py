"""A reviewer to measure with: given the truth, where the next stroke goes, and of which kind."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np

from qa.metrics import Mask

STATIONS = 9
"""Points that a stroke runs through."""
WIDTH = 0.006
"""Width of the pen as a fraction of the picture's diagonal."""


@dataclass(frozen=True)
class Stroke:
    """One stroke: `(H, W)` bool, and whether it adds to the person or takes away."""

    mask: Mask
    adds: bool


def next_stroke(mask: Mask, truth: Mask) -> Stroke | None:
    """A stroke along the middle of the largest wrong region, inside it; None where nothing is wrong.

    Args:
        mask, truth: `(H, W)` bool. A region is missing foreground or false foreground, connected through sides.
    """
    region, missing = largest_wrong(mask, truth)
    return Stroke(stroke_through(region), missing) if region.any() else None


def largest_wrong(mask: Mask, truth: Mask) -> tuple[Mask, bool]:
    """The largest wrong region, `(H, W)` bool (nothing is wrong: all False), and whether it is missing foreground."""
    missing, false = _largest(truth & ~mask), _largest(mask & ~truth)
    return (missing, True) if missing.sum() >= false.sum() else (false, False)


def stroke_through(region: Mask) -> Mask:
    """A stroke through a connected region along its longer axis: at each station the deepest point, joined by lines.

    What of the lines would leave the region is not drawn: a careful reviewer's pen stays inside.
    """
    depth = cv2.distanceTransform(np.pad(region.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    ys, xs = np.nonzero(region)
    points = np.stack([xs, ys], axis=1).astype(np.float64)
    middle = points - points.mean(axis=0)
    axis = np.linalg.eigh(middle.T @ middle)[1][:, -1]
    along = middle @ axis
    low, high = along.min(), along.max()
    place = np.minimum(((along - low) / max(high - low, 1e-9) * STATIONS).astype(int), STATIONS - 1)
    path = []
    for station in range(STATIONS):
        there = np.flatnonzero(place == station)
        if there.size:
            path.append(points[there[np.argmax(depth[ys[there], xs[there]])]])
    pen = max(1, round(WIDTH * math.hypot(*region.shape)))
    drawn = np.zeros(region.shape, np.uint8)
    cv2.polylines(drawn, [np.array(path, np.int32).reshape(-1, 1, 2)], isClosed=False, color=1, thickness=pen)
    inside = drawn.astype(bool) & region
    if not inside.any():
        inside[ys[0], xs[0]] = True
    return inside


def _largest(region: Mask) -> Mask:
    """The largest connected part; all False where there is none."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(region.astype(np.uint8), connectivity=4)
    if count < 2:
        return np.zeros_like(region)
    return np.asarray(labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])))
