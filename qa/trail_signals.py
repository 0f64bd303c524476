"""Signals of a label that trails behind the picture: it fits what teachers saw some frames earlier better than now."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from qa.metrics import iou
from qa.view import Outline, View, centroid

FRAMES = 4
"""How many frames back, and ahead, are looked at."""


def trail_signals(views: Sequence[View]) -> list[dict[str, float]]:
    """Signals of each frame of a burst by name; empty dictionaries for a burst of one frame. No flow is needed.

    - `trail`: the largest gain in IoU, over the teachers and up to 4 earlier frames, of the label with a teacher's vote
      then over its vote now. Most teachers may lag with the label: one that does not gives it away.
    - `trail_lead`: `trail` minus the same gain with later frames, which motion and noise alone make as large.
    - `trail_burst`: mean of `trail_lead` over the burst: a lag lasts.
    - `offset_gain`: the largest gain in IoU, over the teachers, of the label moved so that its centroid is the
      teacher's. What a shift explains is no lacking limb. `offset_burst`: its mean over the burst.
    """
    signals: list[dict[str, float]] = []
    for index, view in enumerate(views):
        found = {}
        if view.votes and len(views) > 1:
            now = dict(zip(view.votes, _ious(view.label, view.outlines), strict=True))
            earlier = _gain(view.label, now, views[max(0, index - FRAMES) : index])
            later = _gain(view.label, now, views[index + 1 : index + 1 + FRAMES])
            if earlier is not None:
                found["trail"] = earlier
                found["trail_lead"] = earlier - (later or 0.0)
            found["offset_gain"] = _offset_gain(view, list(now.values()))
        signals.append(found)
    for mean, name in (("trail_burst", "trail_lead"), ("offset_burst", "offset_gain")):
        values = [found[name] for found in signals if name in found]
        if values:
            for found in signals:
                found[mean] = float(np.mean(values))
    return signals


def _offset_gain(view: View, overlaps: Sequence[float]) -> float:
    """The largest IoU with a teacher of the label moved onto its centroid, minus theirs as they lie; at least 0."""
    own = centroid(view.label.mask)
    if own is None:
        return 0.0
    grey, best = view.label.mask.astype(np.uint8) * 255, 0.0
    middle = np.asarray([grey.shape[1] - 1, grey.shape[0] - 1]) / 2
    for outline, overlap in zip(view.outlines, overlaps, strict=True):
        theirs = centroid(outline.mask) if overlap < 1 else None
        if theirs is not None:
            # A translation, in a ninth of the time of `warpAffine`. Beyond the picture's side its last pixels are
            # repeated: a person whom it cuts off goes on there.
            x, y = (middle + own - theirs).tolist()
            moved = np.asarray(cv2.getRectSubPix(grey, grey.shape[::-1], (x, y)))
            best = max(best, iou(moved, outline.mask) - overlap)
    return best


def _gain(label: Outline, now: dict[str, float], others: Sequence[View]) -> float | None:
    gains = [
        overlap - now[name]
        for view in others
        for name, overlap in zip(view.votes, _ious(label, view.outlines), strict=True)
        if name in now
    ]
    return max(gains) if gains else None


def _ious(label: Outline, others: Sequence[Outline]) -> list[float]:
    """IoU with each, as `qa.metrics.iou`, of a row of bits a mask."""
    if not others:
        return []
    own, rows = label.bits[0], np.stack([other.bits[0] for other in others])
    both, either = _counts(rows & own), _counts(rows | own)
    return [float(overlap) for overlap in np.where(either > 0, both / np.maximum(either, 1), 1.0)]


def _counts(rows: NDArray[np.uint64]) -> NDArray[np.int64]:
    return np.asarray(np.bitwise_count(rows).sum(axis=1, dtype=np.int64))
