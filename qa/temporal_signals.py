"""Signals of a burst: how each label fits its neighbours once the optical flow has moved them into place."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qa.metrics import Mask, iou
from qa.signals import contacts
from qa.view import View
from stages.flow import Track, track_pair, warp


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


def temporal_signals(views: Sequence[View]) -> list[dict[str, float]]:
    """Signals of each frame of a burst by name; empty dictionaries for a burst of one frame.

    A good label beside a bad one fits its other neighbour: where two neighbours exist, the better fit counts, so that
    the bad frame is named and not its neighbours. `flow_iou` is the exception: it has a mean as well.

    - `flow_iou`: mean IoU with the flow-warped neighbours; `flow_iou_best`: with the one that fits best.
    - `area_jump`, `centroid_jump`, `contact_change`, `motion`: see `Fit`.
    - `lag`: IoU of the label with the previous frame's teachers minus IoU with this frame's: above 0 it trails behind.
    """
    fits: list[list[Fit]] = [[] for _ in views]
    for index, (first, second) in enumerate(itertools.pairwise(views)):
        forward, backward = track_pair(first.image, second.image)
        fits[index].append(_fit(first, second, forward))
        fits[index + 1].append(_fit(second, first, backward))
    signals = [_summary(found) for found in fits]
    for (before, view), found in zip(itertools.pairwise(views), signals[1:], strict=True):
        if before.votes and view.votes:
            found["lag"] = iou(view.label.mask, before.ayes) - iou(view.label.mask, view.ayes)
    return signals


def _summary(fits: Sequence[Fit]) -> dict[str, float]:
    if not fits:
        return {}
    return {
        "flow_iou": float(np.mean([fit.iou for fit in fits])),
        "flow_iou_best": max(fit.iou for fit in fits),
        "area_jump": min(fit.area for fit in fits),
        "centroid_jump": min(fit.centroid for fit in fits),
        "contact_change": min(fit.contact for fit in fits),
        "motion": max(fit.motion for fit in fits),
    }


def _fit(view: View, neighbour: View, track: Track) -> Fit:
    label = view.label.mask
    moved = np.asarray(warp(neighbour.label.mask.astype(np.float32), track.flow) >= 0.5)
    areas = int(np.count_nonzero(label)), int(np.count_nonzero(moved))
    changes = zip(contacts(label), contacts(neighbour.label.mask), strict=True)
    return Fit(
        iou=iou(label & track.tracked, moved & track.tracked),
        area=1 - min(areas) / max(areas) if max(areas) else 0.0,
        centroid=_distance(_centroid(label), _centroid(moved)) / view.diagonal,
        contact=max(abs(now - then) for now, then in changes),
        motion=float(np.mean(np.hypot(*track.flow[label].T))) / view.diagonal if label.any() else 0.0,
    )


def _centroid(mask: Mask) -> NDArray[np.float64] | None:
    rows, columns = mask.sum(axis=1, dtype=np.float64), mask.sum(axis=0, dtype=np.float64)
    if not rows.sum():
        return None
    y, x = rows @ np.arange(rows.size), columns @ np.arange(columns.size)
    return np.asarray([y / rows.sum(), x / rows.sum()], dtype=np.float64)


def _distance(first: NDArray[np.float64] | None, second: NDArray[np.float64] | None) -> float:
    """Pixels between two centroids; 0 where one mask is empty: that is a jump of the area."""
    return 0.0 if first is None or second is None else float(np.hypot(*(first - second)))
