"""Agreement of a label with the teachers that are good at such a shot: where most err alike, a majority misleads."""

from __future__ import annotations

import numpy as np

from qa.contest import thick
from qa.metrics import iou
from qa.support import least_support
from qa.view import Outline, View
from stages.reliability import BY_DESIGN, Expertise, shot_of, weigh_by_design

_SELFIE = Expertise(portrait=1.0, figure=0.25, distant=0.25)
SPECIALISTS = {
    **BY_DESIGN,
    "selfie": _SELFIE,
    "selfie_landscape": _SELFIE,
    "selfie_crop": _SELFIE,
    "u2netp": Expertise(figure=1.0),
    "pose": Expertise(distant=1.0),
}
"""Who is asked on which shot: models of talking heads on portraits, of salient objects where one person fills much of
the frame, of a body's pose on a crop where people are small. A judge needs somebody to ask who is right more often than
the others; labels are better made by all of them, which is why this is not how `fuse` trusts."""


def expert_signals(view: View) -> dict[str, float]:
    """Signals by name; empty where fewer than two teachers voted.

    Teachers are weighed by their expertise for the kind of shot and by how well they follow the picture's edges. The
    expertise is `SPECIALISTS`, by what they were made for: a fitted table has seen truth, and would tell the judge.

    - `expert_missing`, `expert_surplus`: area of the regions that their weighted vote has and the label lacks, and the
      other way round, over the area of the larger of both.
    - `expert_iou`, `expert_f`: IoU and boundary F of the label with their weighted vote; `expert_support`: how far that
      supports the label where it does so least, see `qa.support`.
    - `expert_core`, `expert_band`: weight of the teachers that contradict the label, mean over its core and its band.
    """
    if len(view.votes) < 2:
        return {}
    fits = [float(np.mean(view.near_edges[one.edge])) if one.edge.any() else 0.0 for one in view.outlines]
    shot = shot_of([tuple(box) for box in view.boxes or ()], list(view.scores))
    weights = weigh_by_design(fits, list(view.votes), shot, SPECIALISTS)
    label, band = view.label.mask, view.label.band
    mean, ayes = np.zeros(view.shape, np.float32), np.zeros(view.shape, np.float32)
    for weight, vote, outline in zip(weights, view.votes.values(), view.outlines, strict=True):
        mean += weight * vote
        ayes += weight * outline.mask
    backed, against = Outline(np.asarray(mean >= 127.5)), np.abs(ayes - label)
    core = label & ~band
    size = max(int(np.count_nonzero(label)), int(np.count_nonzero(backed.mask)), 1)
    signals = {
        "expert_missing": np.count_nonzero(thick(backed.mask & ~label, view.diagonal)) / size,
        "expert_surplus": np.count_nonzero(thick(label & ~backed.mask, view.diagonal)) / size,
        "expert_iou": iou(label, backed.mask),
        "expert_f": view.label.match(backed),
        "expert_support": least_support(mean, label),
    }
    if core.any():
        signals["expert_core"] = float(np.mean(against[core]))
    if band.any():
        signals["expert_band"] = float(np.mean(against[band]))
    return signals
