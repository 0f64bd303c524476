"""Signals of a label that trails behind the picture: it fits what teachers saw some frames earlier better than now."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from qa.metrics import Mask, as_mask, iou
from qa.view import View

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
    masks = [{name: as_mask(vote) for name, vote in view.votes.items()} for view in views]
    signals: list[dict[str, float]] = []
    for index, view in enumerate(views):
        now = {name: iou(view.label.mask, mask) for name, mask in masks[index].items()}
        earlier = _gain(view.label.mask, now, masks[max(0, index - FRAMES) : index])
        later = _gain(view.label.mask, now, masks[index + 1 : index + 1 + FRAMES])
        found = {}
        if earlier is not None:
            found["trail"] = earlier
            found["trail_lead"] = earlier - (later or 0.0)
        if now and len(views) > 1:
            found["offset_gain"] = _offset_gain(view.label.mask, masks[index], now)
        signals.append(found)
    for mean, name in (("trail_burst", "trail_lead"), ("offset_burst", "offset_gain")):
        values = [found[name] for found in signals if name in found]
        if values:
            for found in signals:
                found[mean] = float(np.mean(values))
    return signals


def _offset_gain(label: Mask, others: dict[str, Mask], now: dict[str, float]) -> float:
    """The largest IoU with another mask of the label moved onto its centroid, minus theirs as they lie; at least 0."""
    if not label.any():
        return 0.0
    x, y = _centroid(label)
    grey, best = label.astype(np.uint8) * 255, 0.0
    for name, overlap in now.items():
        if overlap < 1 and others[name].any():
            to_x, to_y = _centroid(others[name])
            shift = np.asarray([[1, 0, to_x - x], [0, 1, to_y - y]])
            # a person whom the picture's side cuts off goes on beyond it
            moved = cv2.warpAffine(grey, shift, label.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
            best = max(best, iou(np.asarray(moved >= 128), others[name]) - overlap)
    return best


def _centroid(mask: Mask) -> tuple[float, float]:
    moments = cv2.moments(mask.astype(np.uint8), binaryImage=True)
    return moments["m10"] / moments["m00"], moments["m01"] / moments["m00"]


def _gain(label: Mask, now: dict[str, float], others: Sequence[dict[str, Mask]]) -> float | None:
    gains = [iou(label, mask) - now[name] for masks in others for name, mask in masks.items() if name in now]
    return max(gains) if gains else None
