"""Signals of an imported mask: what the other teachers, the picture and the neighbours in time say of it.

A good annotation differs from what the teachers say mostly where they are wrong. So a difference is not held against it
as such: it counts by how sure the teachers are there, on which side the picture's edges and colours stand, and whether
it stays in its place from frame to frame.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from qa.annotation_case import Case
from qa.annotation_evidence import colour_evidence, edge_evidence, outline_evidence, shift_evidence
from qa.metrics import Mask, iou
from qa.temporal_signals import Tracks
from qa.view import View
from stages.flow import Track, track_pair, warp

Field = NDArray[np.float32]


def annotation_signals(views: Sequence[View], tracks: Tracks | None = None) -> list[dict[str, float]]:
    """Signals of every imported mask of a burst by name; empty for a frame without mask or votes.

    - `off`: 1 − IoU with the majority, `off_edge`: 1 − boundary F; `excess`: by how much more the mask contradicts the
      teachers' probability than their own majority does, `unsure`: how much that majority does, over the area.
    - `peer_gap`: mean IoU of the teachers among themselves minus their mean IoU with the mask; `peer_best`: the same
      for the best pair. Truth is closer to every teacher than they are to each other.
    - `added`, `missing`: area in which the mask contradicts sure teachers, over the larger area; `deep_added`,
      `deep_missing`: half the thickness of the thickest such place, over the diagonal.
    - `far`, `far_back`: how far 90 % of the mask's outline lies from the majority's at most, and the reverse.
    - `edge_gap`: edge strength under the majority's outline minus under the mask's; `contested_edge`: the same, only
      where the two outlines part, times the share that does.
    - `colour`: by how much the colours of the differing pixels speak for the majority, in nats over the area;
      `colour_mean`: a differing pixel.
    - `rough`: log ratio of the outlines' lengths. `teeth`: what a median filter changes along the mask's outline, minus
      the majority's. `corners`: log ratio of corners a pixel of outline.
    - `shift_gain`: IoU gained by shifting the mask; `shift`: how far, over the diagonal.
    - in bursts: see `_in_time`. `tracks` are `qa.temporal_signals.tracks_of(views)`, where they are known already.
    """
    cases = [Case.of(view) if view.annotation is not None and view.votes else None for view in views]
    signals = [_alone(case) if case else {} for case in cases]
    if len(views) > 1:
        for found, timed in zip(signals, _in_time(cases, signals, tracks), strict=True):
            found.update(timed)
    return signals


def _alone(case: Case) -> dict[str, float]:
    picture = edge_evidence(case) | colour_evidence(case)
    return _agreement(case) | _regions(case) | picture | outline_evidence(case) | shift_evidence(case)


def _agreement(case: Case) -> dict[str, float]:
    given, majority, probability = case.given, case.majority, case.probability
    total = max(1.0, float(probability.sum()))
    unsure = float(np.abs(probability - majority.mask).sum()) / total
    against = float(np.abs(probability - given.mask).sum()) / total
    found = {
        "off": 1 - iou(given.mask, majority.mask),
        "off_edge": 1 - given.match(majority),
        "excess": against - unsure,
        "unsure": unsure,
    }
    outlines = case.view.outlines
    if len(outlines) > 1:
        own = [iou(given.mask, outline.mask) for outline in outlines]
        pairs = [iou(a.mask, b.mask) for a, b in itertools.combinations(outlines, 2)]
        found["peer_gap"] = float(np.mean(pairs) - np.mean(own))
        found["peer_best"] = max(pairs) - max(own)
    return found


def _regions(case: Case) -> dict[str, float]:
    given, majority = case.given, case.majority
    found = {}
    for name, wrong in (
        ("added", given.mask & ~majority.mask & case.sure),
        ("missing", majority.mask & ~given.mask & case.sure),
    ):
        found[name] = np.count_nonzero(wrong) / case.unit
        found[f"deep_{name}"] = float(_distance(wrong).max()) / case.view.diagonal
    diagonal = case.view.diagonal
    for name, near, far in (("far", given, majority), ("far_back", majority, given)):
        if near.edge.any() and far.edge.any():
            found[name] = float(np.quantile(_distance(~far.edge)[near.edge], 0.9)) / diagonal
        else:
            found[name] = 0.0 if near.edge.any() == far.edge.any() else 1.0
    return found


def _in_time(
    cases: Sequence[Case | None], signals: Sequence[dict[str, float]], tracks: Tracks | None
) -> list[dict[str, float]]:
    """Signals of a burst's masks; of each frame with its neighbours that have a mask too.

    - `unsteady`: 1 − IoU of the mask with the neighbours' moved along the flow, the best of two (a good mask beside a
      bad one fits its other neighbour); `unsteady_gap`: mean of both, minus the majority's own.
    - `stray`: 1 − IoU of the mask with the neighbours' majorities moved along the flow, minus the majority's own.
    - `late`: IoU of the mask with a neighbour's majority minus that with its own frame's, the larger.
    - `stuck`: IoU with a neighbour's mask as it is minus with it moved along the flow: a mask that stands still.
    - `burst_off`, `burst_excess`: means of `off` and `excess` over the other frames of the burst: whole clips go wrong.
    """
    fits: list[list[dict[str, float]]] = [[] for _ in cases]
    for index, (first, second) in enumerate(itertools.pairwise(cases)):
        if first is None or second is None:
            continue
        forward, backward = tracks[index] if tracks else track_pair(first.view.image, second.view.image)
        fits[index].append(_fit(first, second, forward))
        fits[index + 1].append(_fit(second, first, backward))
    results = []
    for index, found in enumerate(fits):
        timed = {}
        if found:
            timed["unsteady"] = min(fit["unsteady"] for fit in found)
            timed["unsteady_gap"] = float(np.mean([fit["unsteady"] - fit["unsteady_majority"] for fit in found]))
            timed["stray"] = float(np.mean([fit["stray"] - fit["unsteady_majority"] for fit in found]))
            timed["late"] = max(fit["late"] for fit in found)
            timed["stuck"] = max(fit["stuck"] for fit in found)
        others = [one for other, one in enumerate(signals) if other != index and one]
        if others and signals[index]:
            timed["burst_off"] = float(np.mean([one["off"] for one in others]))
            timed["burst_excess"] = float(np.mean([one["excess"] for one in others]))
        results.append(timed)
    return results


def _fit(case: Case, neighbour: Case, track: Track) -> dict[str, float]:
    seen = track.tracked
    moved = _moved(neighbour.given.mask, track) & seen
    moved_majority = _moved(neighbour.majority.mask, track) & seen
    given, majority = case.given.mask & seen, case.majority.mask & seen
    return {
        "unsteady": 1 - iou(given, moved),
        "unsteady_majority": 1 - iou(majority, moved_majority),
        "stray": 1 - iou(given, moved_majority),
        "late": iou(case.given.mask, neighbour.majority.mask) - iou(case.given.mask, case.majority.mask),
        "stuck": iou(given, neighbour.given.mask & seen) - iou(given, moved),
    }


def _moved(mask: Mask, track: Track) -> Mask:
    return np.asarray(warp(mask.astype(np.float32), track.flow) >= 0.5)


def _distance(mask: Mask) -> Field:
    """Distance in pixels of every true pixel to the nearest false one."""
    if mask.all():
        return np.full(mask.shape, float(max(mask.shape)), np.float32)
    return np.asarray(cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)
