"""Signals of an imported mask: what the other teachers, the picture and the neighbours in time say of it.

A good annotation differs from what the teachers say mostly where they are wrong. So a difference is not held against it
as such: it counts by how sure the teachers are there, on which side the picture's edges and colours stand, and whether
it stays in its place from frame to frame.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from qa.metrics import Mask, iou, within
from qa.view import Outline, View
from stages.flow import Track, track_pair, warp
from stages.reliability import EXPERTISE, edge_strength, reliabilities, shot_of
from stages.strategies import weighted

EDGE_GAIN = 4.0
"""As `fuse.edge_gain`."""
SURE = 0.3
"""Distance from one half from which the teachers' probability is sure of its side."""
COLOURS = 16
"""Levels a colour channel is reduced to when the person's colours are told from the scene's."""
LEAST_REACH, MOST_REACH = 0.006, 0.06
"""Shortest and longest shift tried, as fractions of the diagonal."""
STRAIGHT = 0.06
"""Length, over the square root of the area, from which a straight piece of outline was likely drawn by a polygon."""

Field = NDArray[np.float32]


@dataclass(frozen=True)
class Case:
    """An imported mask beside what speaks for another.

    Attributes:
        view: the frame. given: the imported mask. probability: `(H, W)` float32 0-1, the other teachers' mean weighted
            by how far each is to be trusted on this frame.
    """

    view: View
    given: Outline
    probability: Field

    @classmethod
    def of(cls, view: View) -> Case:
        """The case of a view.

        Raises:
            ValueError: the view has no annotation, or nobody voted.
        """
        if view.annotation is None or not view.votes:
            raise ValueError("an annotation is judged by votes: the view needs an annotation and one vote at least")
        return cls(view, Outline(view.annotation), reference(view))

    @cached_property
    def majority(self) -> Outline:
        """What the other teachers say."""
        return Outline(np.asarray(self.probability >= 0.5))

    @cached_property
    def unit(self) -> float:
        """Area in pixels that differences are measured by: the larger of the two masks."""
        return float(max(np.count_nonzero(self.given.mask), np.count_nonzero(self.majority.mask), 1))

    @cached_property
    def sure(self) -> Mask:
        """Where the teachers are sure, and not just beside their own contour."""
        return np.asarray((np.abs(self.probability - 0.5) >= SURE) & ~self.majority.near)


def reference(view: View) -> Field:
    """`(H, W)` float32 0-1: the votes of a view weighted as stage `fuse` weighs them, imported masks left out."""
    votes = np.stack(list(view.votes.values())).astype(np.float32) / np.float32(255)
    shot = shot_of(view.boxes or (), view.scores)
    weights = reliabilities(votes, list(view.votes), edge_strength(view.image), shot, EXPERTISE, edge_gain=EDGE_GAIN)
    return weighted(votes, weights)


def annotation_signals(views: Sequence[View]) -> list[dict[str, float]]:
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
      the majority's. `corners`: log ratio of corners a pixel of outline; `straight`: share of long straight pieces,
      minus the majority's.
    - `shift_gain`: IoU gained by shifting the mask; `shift`: how far, over the diagonal.
    - in bursts: see `_in_time`.
    """
    cases = [Case.of(view) if view.annotation is not None and view.votes else None for view in views]
    signals = [_alone(case) if case else {} for case in cases]
    if len(views) > 1:
        for found, timed in zip(signals, _in_time(cases, signals), strict=True):
            found.update(timed)
    return signals


def _alone(case: Case) -> dict[str, float]:
    return _agreement(case) | _regions(case) | _edges(case) | _colours(case) | _outline(case) | _shift(case)


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


def _edges(case: Case) -> dict[str, float]:
    given, majority = case.given, case.majority
    # An outline may lie a pixel beside the edge at working size: the best within one pixel counts.
    strength = np.asarray(cv2.dilate(edge_strength(case.view.image), np.ones((3, 3), np.uint8)))
    found = {}
    if given.edge.any() and majority.edge.any():
        found["edge_gap"] = float(np.mean(strength[majority.edge]) - np.mean(strength[given.edge]))
    parted, other = given.edge & ~within(majority.edge, 2), majority.edge & ~within(given.edge, 2)
    if parted.any() and other.any():
        share = np.count_nonzero(parted) / np.count_nonzero(given.edge)
        found["contested_edge"] = float(np.mean(strength[other]) - np.mean(strength[parted])) * share
    return found


def _colours(case: Case) -> dict[str, float]:
    """Histograms of what both agree to be person and scene, the scene only near the person: it may vary elsewhere."""
    given, majority = case.given.mask, case.majority.mask
    differ = given ^ majority
    near = within(case.given.edge | case.majority.edge, max(2, round(0.1 * case.view.diagonal)))
    person, scene = given & majority & near, ~given & ~majority & near
    if not person.any() or not scene.any():
        return {}
    levels = (case.view.image // (256 // COLOURS)).astype(np.int64)
    bins = (levels[..., 0] * COLOURS + levels[..., 1]) * COLOURS + levels[..., 2]
    ratio = np.log(_histogram(bins[person]) / _histogram(bins[scene])).astype(np.float32)[bins]
    ratio = np.clip(ratio, -3, 3)
    against = np.where(given, -ratio, ratio)[differ]
    return {
        "colour": float(against.sum()) / case.unit,
        "colour_mean": float(against.mean()) if against.size else 0.0,
    }


def _histogram(bins: NDArray[np.int64]) -> NDArray[np.float64]:
    """Smoothed over neighbouring levels, never 0."""
    counts = np.bincount(bins, minlength=COLOURS**3).reshape(COLOURS, COLOURS, COLOURS).astype(np.float64)
    for axis in range(3):
        padded = np.pad(counts, [(1, 1) if axis == other else (0, 0) for other in range(3)])
        before, after = (np.take(padded, range(first, first + COLOURS), axis) for first in (0, 2))
        counts = 0.5 * counts + 0.25 * (before + after)
    flat = counts.ravel() + 0.01
    return np.asarray(flat / flat.sum())


def _outline(case: Case) -> dict[str, float]:
    given, majority = case.given, case.majority
    lengths = np.count_nonzero(given.edge), np.count_nonzero(majority.edge)
    if not all(lengths):
        return {}
    corners = [_corners(outline.mask) for outline in (given, majority)]
    return {
        "rough": math.log(lengths[0] / lengths[1]),
        "teeth": _teeth(given) - _teeth(majority),
        "corners": math.log((corners[0][0] + 1e-3) / (corners[1][0] + 1e-3)),
        "straight": corners[0][1] - corners[1][1],
    }


def _teeth(outline: Outline) -> float:
    """Area that a median filter changes, over the outline's length."""
    mask = outline.mask.astype(np.uint8)
    size = 2 * max(1, round(0.01 * math.hypot(*mask.shape))) + 1
    return float(np.count_nonzero(cv2.medianBlur(mask, size) != mask) / np.count_nonzero(outline.edge))


def _corners(mask: Mask) -> tuple[float, float]:
    """Corners a pixel of outline, when a pixel's deviation is allowed, and the share of it in long straight pieces.

    Pieces along the picture's sides are no outline.
    """
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    rows, columns = mask.shape
    long = STRAIGHT * math.sqrt(max(1, np.count_nonzero(mask)))
    corners, total, straight = 0, 0.0, 0.0
    for contour in contours:
        points = cv2.approxPolyDP(contour, 1.0, closed=True)[:, 0].astype(np.float64)
        ends = np.roll(points, -1, axis=0)
        side = ((points == 0) & (ends == 0)) | ((points == [columns - 1, rows - 1]) & (ends == [columns - 1, rows - 1]))
        pieces = np.hypot(*(ends - points).T)[~side.any(axis=1)]
        corners += len(pieces)
        total += float(pieces.sum())
        straight += float(pieces[pieces >= long].sum())
    return (corners / total, straight / total) if total else (0.0, 0.0)


def _shift(case: Case) -> dict[str, float]:
    """IoU of the mask with the probability at every shift by cross-correlation, within `MOST_REACH`."""
    given, probability = case.given.mask.astype(np.float32), case.probability
    reach = max(1, round(MOST_REACH * case.view.diagonal))
    padded = cv2.copyMakeBorder(given, reach, reach, reach, reach, cv2.BORDER_REPLICATE)
    overlap = cv2.matchTemplate(padded, np.ascontiguousarray(probability), cv2.TM_CCORR)
    # What of the mask is still in the picture once it is shifted: sums over windows.
    sums = cv2.integral(padded, sdepth=cv2.CV_64F)
    height, width = given.shape
    areas = sums[height:, width:] - sums[:-height, width:] - sums[height:, :-width] + sums[:-height, :-width]
    ious = overlap / np.maximum(areas + float(probability.sum()) - overlap, 1e-6)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    far = np.hypot(x, y) / case.view.diagonal
    ious[far > MOST_REACH] = -1
    best = np.unravel_index(int(np.argmax(ious)), ious.shape)
    gain = float(ious[best] - ious[reach, reach])
    return {"shift_gain": gain, "shift": float(far[best]) if far[best] >= LEAST_REACH else 0.0}


def _in_time(cases: Sequence[Case | None], signals: Sequence[dict[str, float]]) -> list[dict[str, float]]:
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
        forward, backward = track_pair(first.view.image, second.view.image)
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
