"""Signals of a burst: how each label fits its neighbours once the optical flow has moved them into place."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from qa.metrics import Mask, as_mask, iou
from qa.signals import contacts
from qa.view import View, centroid
from stages.flow import Flow, Track, track_pair, warp

SHIFTS = 4
"""Frames of motion, either way, along which an outline looks for edges that fit it better."""


@dataclass(frozen=True)
class Fit:
    """How one frame's label fits one neighbour's.

    Attributes:
        iou: with the neighbour's label warped to this frame, over the tracked pixels.
        area: change of the foreground's area against the warped label, 0 = none, 1 = all of it.
        centroid: distance of the centroids of label and warped label, as a fraction of the diagonal.
        contact: largest change of a side's contact between the two frames.
        motion: mean length of the flow on the foreground, as a fraction of the diagonal.
    """

    iou: float
    area: float
    centroid: float
    contact: float
    motion: float


Tracks = list[tuple[Track, Track]]
"""Per pair of consecutive frames the flow forwards and backwards."""


def tracks_of(views: Sequence[View]) -> Tracks:
    """The flow between the views of a burst."""
    return [track_pair(first.image, second.image) for first, second in itertools.pairwise(views)]


def temporal_signals(views: Sequence[View], tracks: Tracks | None = None) -> list[dict[str, float]]:
    """Signals of each frame of a burst by name; empty dictionaries for a burst of one frame.

    `tracks` are `tracks_of(views)`, where they are known already.

    A good label beside a bad one fits its other neighbour: where two neighbours exist, the better fit counts, so that
    the bad frame is named and not its neighbours. `flow_iou` has a mean and a least as well.

    - `flow_iou`: mean IoU with the flow-warped neighbours; `flow_iou_best`: with the one that fits best.
    - `area_jump`, `centroid_jump`, `contact_change`, `motion`: see `Fit`.
    - `flow_iou_least`: with the neighbour that fits worst. `votes_steady`: median over the teachers of their votes'
      mean `flow_iou`: what fusion over time hides in the label shows in the votes; `votes_steady_least`: the worst.
    - `odd_one`: area where both neighbours agree against the label, over the label's. `majority_odd`: the same of the
      teachers' majority; `majority_steady`: the majority's IoU with the neighbour that fits best; `steady_burst`: its
      mean over the burst.
    - `lag`: IoU of the label with the previous frame's teachers minus IoU with this frame's: above 0 it trails behind.
    - `shift_gain`: how much stronger the picture's edges are where motion carries the outline in up to 4 frames, than
      where it is; `shift_burst`: mean over the burst of that minus the same against the motion.
    """
    neighbours: list[list[tuple[int, Track]]] = [[] for _ in views]
    for index, (forward, backward) in enumerate(tracks_of(views) if tracks is None else tracks):
        neighbours[index].append((index + 1, forward))
        neighbours[index + 1].append((index, backward))
    signals = [
        _summary([_fit(view, views[other], track) for other, track in found])
        | _oddness(view, [(views[other], track) for other, track in found])
        | _majority(view, [(views[other], track) for other, track in found])
        | _steadiness(view, [(views[other], track) for other, track in found])
        for view, found in zip(views, neighbours, strict=True)
    ]
    for (before, view), found in zip(itertools.pairwise(views), signals[1:], strict=True):
        if before.votes and view.votes:
            found["lag"] = iou(view.label.mask, before.ayes) - iou(view.label.mask, view.ayes)
    steady = [found["majority_steady"] for found in signals if "majority_steady" in found]
    for found in signals if steady else ():
        found["steady_burst"] = float(np.mean(steady))
    return _with_shifts(views, neighbours, signals)


def _oddness(view: View, neighbours: Sequence[tuple[View, Track]]) -> dict[str, float]:
    moved = [(_moved(other.label.mask, track), track.tracked) for other, track in neighbours]
    return {"odd_one": _odd(view.label.mask, moved)} if len(moved) > 1 else {}


def _majority(view: View, neighbours: Sequence[tuple[View, Track]]) -> dict[str, float]:
    now = np.asarray(view.ayes >= 0.5)
    moved = [
        (_moved(np.asarray(other.ayes >= 0.5), track), track.tracked) for other, track in neighbours if other.votes
    ]
    if not view.votes or not moved:
        return {}
    signals = {"majority_steady": max(iou(now & tracked, then & tracked) for then, tracked in moved)}
    return signals | ({"majority_odd": _odd(now, moved)} if len(moved) > 1 else {})


def _odd(mask: Mask, moved: Sequence[tuple[Mask, Mask]]) -> float:
    """Area where all the neighbours' masks, where they are tracked, contradict this one, over its own."""
    odd = np.ones(mask.shape, np.bool_)
    for then, tracked in moved:
        odd &= (then != mask) & tracked
    return float(np.count_nonzero(odd)) / max(1, int(np.count_nonzero(mask)))


def _steadiness(view: View, neighbours: Sequence[tuple[View, Track]]) -> dict[str, float]:
    steady = []
    for name, vote in view.votes.items():
        now = as_mask(vote)
        found = [
            iou(now & track.tracked, _moved(as_mask(other.votes[name]), track) & track.tracked)
            for other, track in neighbours
            if name in other.votes
        ]
        if found:
            steady.append(float(np.mean(found)))
    return {"votes_steady": float(np.median(steady)), "votes_steady_least": min(steady)} if steady else {}


def _with_shifts(
    views: Sequence[View], neighbours: Sequence[Sequence[tuple[int, Track]]], signals: list[dict[str, float]]
) -> list[dict[str, float]]:
    leads = []
    for index, (view, found) in enumerate(zip(views, neighbours, strict=True)):
        if not found or not view.label.edge.any():
            continue
        other, track = found[-1]
        # Motion per frame, forwards in time: the last neighbour is the next frame, or, at the end, the one before.
        ahead, behind = edge_gains(view, track.flow if other > index else -track.flow)
        signals[index]["shift_gain"] = ahead
        leads.append(ahead - behind)
    if leads:
        for one in signals:
            one["shift_burst"] = float(np.mean(leads))
    return signals


def edge_gains(view: View, motion: Flow) -> tuple[float, float]:
    """Gain in edge strength along the outline carried up to `SHIFTS` frames along the motion, and against it; ≥ 0.

    The outline moves as the person inside of it does: the flow on the outline itself may be the background's.
    """
    label = view.label.mask.astype(np.float32)
    side = 2 * max(2, round(0.04 * view.diagonal)) + 1
    mass = cv2.boxFilter(label, -1, (side, side), normalize=False)[view.label.edge]
    y, x = (axis.astype(np.float32) for axis in np.nonzero(view.label.edge))
    dx, dy = (
        cv2.boxFilter(motion[..., axis] * label, -1, (side, side), normalize=False)[view.label.edge]
        / np.maximum(mass, 1.0)
        for axis in (0, 1)
    )
    fits = {}
    for shift in range(-SHIFTS, SHIFTS + 1):
        sampled = cv2.remap(view.near_edges, x + shift * dx, y + shift * dy, cv2.INTER_LINEAR)
        fits[shift] = float(np.mean(np.asarray(sampled, np.float32)))
    here = fits[0]
    return (
        max(0.0, max(fits[shift] for shift in range(1, SHIFTS + 1)) - here),
        max(0.0, max(fits[-shift] for shift in range(1, SHIFTS + 1)) - here),
    )


def _moved(mask: Mask, track: Track) -> Mask:
    """A neighbour's mask, seen from this frame."""
    return np.asarray(warp(mask.astype(np.float32), track.flow) >= 0.5)


def _summary(fits: Sequence[Fit]) -> dict[str, float]:
    if not fits:
        return {}
    return {
        "flow_iou": float(np.mean([fit.iou for fit in fits])),
        "flow_iou_best": max(fit.iou for fit in fits),
        "flow_iou_least": min(fit.iou for fit in fits),
        "area_jump": min(fit.area for fit in fits),
        "centroid_jump": min(fit.centroid for fit in fits),
        "contact_change": min(fit.contact for fit in fits),
        "motion": max(fit.motion for fit in fits),
    }


def _fit(view: View, neighbour: View, track: Track) -> Fit:
    label = view.label.mask
    moved = _moved(neighbour.label.mask, track)
    areas = int(np.count_nonzero(label)), int(np.count_nonzero(moved))
    changes = zip(contacts(label), contacts(neighbour.label.mask), strict=True)
    return Fit(
        iou=iou(label & track.tracked, moved & track.tracked),
        area=1 - min(areas) / max(areas) if max(areas) else 0.0,
        centroid=_distance(centroid(label), centroid(moved)) / view.diagonal,
        contact=max(abs(now - then) for now, then in changes),
        motion=float(np.mean(np.hypot(*track.flow[label].T))) / view.diagonal if label.any() else 0.0,
    )


def _distance(first: NDArray[np.float64] | None, second: NDArray[np.float64] | None) -> float:
    """Pixels between two centroids; 0 where one mask is empty: that is a jump of the area."""
    return 0.0 if first is None or second is None else float(np.hypot(*(first - second)))
