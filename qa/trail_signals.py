"""Signals of a label that trails behind the picture: it fits what teachers saw some frames earlier better than now."""

from __future__ import annotations

from collections.abc import Sequence

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
        signals.append(found)
    leads = [found["trail_lead"] for found in signals if "trail_lead" in found]
    if leads:
        for found in signals:
            found["trail_burst"] = float(np.mean(leads))
    return signals


def _gain(label: Mask, now: dict[str, float], others: Sequence[dict[str, Mask]]) -> float | None:
    gains = [iou(label, mask) - now[name] for masks in others for name, mask in masks.items() if name in now]
    return max(gains) if gains else None
