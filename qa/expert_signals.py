"""Agreement of a label with the teachers that are good at such a shot: where most err alike, a majority misleads."""

from __future__ import annotations

import numpy as np

from qa.metrics import iou
from qa.view import Outline, View
from stages.reliability import EXPERTISE, reliabilities, shot_of

EDGE_GAIN = 4.0
"""Preference for teachers whose contour follows the picture's edges, see `stages.reliability.reliabilities`."""


def expert_signals(view: View) -> dict[str, float]:
    """Signals by name; empty where fewer than two teachers voted.

    Teachers are weighed by their expertise for the kind of shot and by how well they follow the picture's edges.

    - `expert_iou`, `expert_f`: IoU and boundary F of the label with their weighted vote.
    - `expert_core`, `expert_band`: weight of the teachers that contradict the label, mean over its core and its band.
    """
    if len(view.votes) < 2:
        return {}
    votes = np.stack([vote.astype(np.float32) / np.float32(255) for vote in view.votes.values()])
    shot = shot_of([tuple(box) for box in view.boxes or ()], list(view.scores))
    weights = reliabilities(votes, list(view.votes), view.edges, shot, EXPERTISE, edge_gain=EDGE_GAIN)
    label, band = view.label.mask, view.label.band
    backed = Outline(np.asarray(np.tensordot(weights, votes, axes=1) >= 0.5))
    against = np.tensordot(weights, ((votes >= 0.5) != label).astype(np.float32), axes=1)
    core = label & ~band
    signals = {"expert_iou": iou(label, backed.mask), "expert_f": view.label.match(backed)}
    if core.any():
        signals["expert_core"] = float(np.mean(against[core]))
    if band.any():
        signals["expert_band"] = float(np.mean(against[band]))
    return signals
