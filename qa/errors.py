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


def find_error(view: View, signals: Mapping[str, float], error: str = "") -> Finding:
    """The error of a label already known to be doubtful, and where to look; `error` is what the judge calls it.

    Two are plain facts, whatever the judge says: a label that is all of something else (`wrong_object`), and one that
    loses or gains a quarter of itself for a frame (`flicker`). Flicker and lag concern the whole mask, and so does a
    `wrong_object` unless it stands apart from the person; a `jagged_edge` is the stretch of outline that teachers
    contradict most. Else the contested region that weighs most (`qa.contest`) says whether it is a `missed_region` or
    an `over_segmentation`, which a judge easily confuses; where nothing is contested, the outline is to blame.
    """
    mask = view.label.mask
    whole = _bounds(mask | _majority(view))
    if _is_wrong_object(view, mask):
        return Finding("wrong_object", whole, 0.0)
    if signals.get("area_jump", 0.0) >= JUMP:
        return Finding("flicker", whole, 0.0)
    if error in ("flicker", "lag"):
        return Finding(error, whole, 0.0)
    if error == "wrong_object":
        apart = _apart(mask)
        if not apart.any():
            return Finding(error, whole, 0.0)
        return Finding(error, _bounds(apart), float(np.count_nonzero(apart) / np.count_nonzero(mask)))
    if error != "jagged_edge":
        heaviest = max(contests(view), key=lambda contest: contest.weight, default=None)
        if heaviest is not None:
            name = "missed_region" if heaviest.missing else "over_segmentation"
            return Finding(name, _bounds(heaviest.region), heaviest.area)
    return Finding("jagged_edge", _densest(opposition(view, mask) * view.label.band), 0.0)


def _apart(mask: Mask) -> Mask:
    """The second largest part of a mask; empty where there is one part only."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count < 3:
        return np.zeros_like(mask)
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
