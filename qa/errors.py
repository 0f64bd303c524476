"""What is wrong with a doubtful mask, and where: one of the types a reviewer can act on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from qa.contest import contests
from qa.metrics import Mask, iou, within
from qa.signals import opposition
from qa.view import Outline, View

WRONG_OBJECT_IOU = 0.4
"""Below this IoU with the majority of the teachers, or with the persons' boxes, a mask is of something else."""
LAG = 0.02
"""A label that agrees by this much more IoU with the previous frame's votes than with its own trails behind."""
OFFSET = 0.03
"""A label that agrees by this much more IoU with a teacher when it is moved, over a whole burst, trails behind."""
ODD = 0.08
"""Share of its area that both neighbours contradict from which a label, or the teachers' majority, flickers."""
APART = 0.02
"""Share of the foreground that stands apart from every sure person from which it is another object."""
JAGGED = 1.2
"""Length of the outline over that of its smoothed version from which it is jagged."""
JUMP = 0.25
"""Share of the foreground that comes or goes against every neighbour from which a label flickers."""


@dataclass(frozen=True)
class Finding:
    """An error and where to look for it.

    Attributes:
        error: one of `datasets.schema.ERROR_TYPES`.
        box: `[x0, y0, x1, y1]` as fractions of the frame.
        size: area of the wrong region over the area of the mask or of the majority, whichever is larger; 0 where the
            error has no region of its own.
    """

    error: str
    box: list[float]
    size: float


def find_error(view: View, signals: Mapping[str, float]) -> Finding:
    """The likeliest error of a label already known to be doubtful.

    In order: another object altogether, `flicker` and `lag` (they concern the whole mask), a part that stands apart
    from every person (`wrong_object`), a `jagged_edge`, the contested region that weighs most (`missed_region`,
    `over_segmentation`, see `qa.contest`), and where there is none the outline itself (`jagged_edge`).
    """
    mask = view.label.mask
    if _is_wrong_object(view, mask):
        return Finding("wrong_object", _bounds(mask | _majority(view)), 0.0)
    odd = max(signals.get("odd_one", 0.0), signals.get("majority_odd", 0.0))
    if signals.get("area_jump", 0.0) >= JUMP or odd >= ODD:
        return Finding("flicker", _bounds(mask | _majority(view)), 0.0)
    trails = max(signals.get("lag", 0.0), signals.get("trail_burst", 0.0)) >= LAG
    if trails or signals.get("offset_burst", 0.0) >= OFFSET:
        return Finding("lag", _bounds(mask | _majority(view)), 0.0)
    if signals.get("apart_area", 0.0) >= APART:
        apart = _apart(mask)
        return Finding("wrong_object", _bounds(apart), float(np.count_nonzero(apart) / np.count_nonzero(mask)))
    if signals.get("jagged_length", 1.0) >= JAGGED:
        return Finding("jagged_edge", _bounds(mask), 0.0)
    heaviest = max(contests(view), key=lambda contest: contest.weight, default=None)
    if heaviest is not None:
        error = "missed_region" if heaviest.missing else "over_segmentation"
        return Finding(error, _bounds(heaviest.region), heaviest.area)
    contradicted = opposition(view, mask) * view.label.band
    return Finding("jagged_edge", _densest(contradicted), 0.0)


def _apart(mask: Mask) -> Mask:
    """The second largest part of a mask."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return np.asarray(labels == 1 + int(np.argsort(-stats[1:, cv2.CC_STAT_AREA], kind="stable")[1]))


def largest_region(view: View, outline: Outline, *, share: float) -> Finding | None:
    """The largest connected region outside a mask's band that at least `share` of the teachers contradict, or None."""
    wrong = (opposition(view, outline.mask) >= share) & ~outline.band
    count, labels, stats, _ = cv2.connectedComponentsWithStats(wrong.astype(np.uint8))
    if count < 2 or not view.outlines:
        return None
    index = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    region = labels == index
    error = "over_segmentation" if np.mean(outline.mask[region]) >= 0.5 else "missed_region"
    size = stats[index, cv2.CC_STAT_AREA] / max(np.count_nonzero(outline.mask), np.count_nonzero(_majority(view)), 1)
    # The band was cut off the region: look that much further around it.
    return Finding(error, _bounds(within(region, outline.radius)), float(size))


def _majority(view: View) -> Mask:
    return np.asarray(view.ayes >= 0.5)


def _is_wrong_object(view: View, mask: Mask) -> bool:
    majority = _majority(view)
    return bool(majority.any()) and bool(mask.any()) and iou(mask, majority) < WRONG_OBJECT_IOU


def _bounds(mask: Mask) -> list[float]:
    """Bounding box as fractions of the frame; the whole frame for an empty mask."""
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    if not width:
        return [0.0, 0.0, 1.0, 1.0]
    rows, columns = mask.shape
    return [x / columns, y / rows, (x + width) / columns, (y + height) / rows]


def _densest(doubt: NDArray[np.float32]) -> list[float]:
    """The window of a quarter of the frame's width and height that holds the most doubt, as fractions of the frame."""
    rows, columns = doubt.shape
    height, width = max(1, rows // 4), max(1, columns // 4)
    sums = cv2.integral(doubt, sdepth=cv2.CV_64F)
    totals = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    y, x = np.unravel_index(int(np.argmax(totals)), totals.shape)
    return [float(x) / columns, float(y) / rows, float(x + width) / columns, float(y + height) / rows]
