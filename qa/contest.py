"""Contested regions: where teachers contradict a label over an area, and what the picture says about it.

A label can be wrong although most teachers back it. What is left then as evidence: the few that dissent, the colours of
the contested region, and whether the picture's edges run where the label ends or where the dissenters say it should.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.images import Image
from qa.held import HELD, is_held
from qa.metrics import Mask, boundary
from qa.view import View

DISSENT = 0.15
"""Share of the teachers from which a pixel is contested: one of six suffices."""
THICKNESS = 0.01
"""Radius over the diagonal of the disk that a contested region holds: thinner is about where edges run."""
REGIONS = 3
"""Regions a side that are looked at, the largest first."""
BINS = 8
"""Colour bins a channel, a power of two."""
RING = 0.15
"""Background within this fraction of the diagonal of the label tells which colours surround the person."""

Colours = NDArray[np.float32]
"""`(BINS, BINS, BINS)` float32 0-1, by RGB: how much a colour is the foreground's, not the surrounding background's."""

_SHIFT = 9 - BINS.bit_length()
_SMOOTHING = 0.5 * np.eye(BINS) + 0.25 * (np.eye(BINS, k=1) + np.eye(BINS, k=-1))
_SMOOTHING[0, 0] = _SMOOTHING[-1, -1] = 0.75


@dataclass(frozen=True)
class Contest:
    """One contested region.

    Attributes:
        region: `(H, W)` bool. missing: the label lacks it; else the label has it and is contradicted.
        area: over the area of the label or of the majority, whichever is larger.
        dissent: mean share of the teachers against the label, 0-1.
        colour: 0-1, how far the region's colours speak against the label; one half says nothing.
        edge: -1 to 1: strength of the picture's edges where the dissenters end the person, minus where the label does.
    """

    region: Mask
    missing: bool
    area: float
    dissent: float
    colour: float
    edge: float

    @property
    def weight(self) -> float:
        """Area × dissent × colour: what the region weighs against the label."""
        return self.area * self.dissent * self.colour


def contest_signals(view: View) -> dict[str, float]:
    """Signals of the contested regions; empty where fewer than two teachers voted.

    For what the label lacks (`missing_…`) and what it has too much (`surplus_…`): `area` and `weight` summed over the
    regions; `dissent`, `colour` and `edge` of the region that weighs most, left out where there is none.
    `held_area`: area of what may be held (`qa.held`) × the mean vote there of the teacher that is surest of it, summed.
    """
    if len(view.outlines) < 2:
        return {}
    signals: dict[str, float] = {}
    found = contests(view)
    for name, missing in (("missing", True), ("surplus", False)):
        side = [contest for contest in found if contest.missing == missing]
        signals[f"{name}_area"] = sum(contest.area for contest in side)
        signals[f"{name}_weight"] = sum(contest.weight for contest in side)
        if side:
            worst = max(side, key=lambda contest: contest.weight)
            signals[f"{name}_dissent"] = worst.dissent
            signals[f"{name}_colour"] = worst.colour
            signals[f"{name}_edge"] = worst.edge
    held = [contest for contest in found if contest.missing and is_held(view.label.mask, contest.region)]
    signals[HELD] = sum((contest.area * _surest(view, contest.region) for contest in held), 0.0)
    return signals


def _surest(view: View, region: Mask) -> float:
    """Mean vote inside a region, 0-1, of the teacher who has most of it."""
    return max(float(np.mean(vote[region])) for vote in view.votes.values()) / 255


def contests(view: View) -> list[Contest]:
    """The largest contested regions of both sides."""
    label = view.label.mask
    against = np.abs(view.ayes - label)
    contested = against >= DISSENT
    size = max(int(np.count_nonzero(label)), int(np.count_nonzero(view.ayes >= 0.5)), 1)
    found = []
    colours: Colours | None = None
    for missing in (True, False):
        for region in _largest(thick(contested & (~label if missing else label), view.diagonal)):
            if colours is None:  # costs as much as all the rest, and a good label has nothing contested
                colours = colour_model(view, contested)
            like = float(np.mean(colours[tuple((view.image[region] >> _SHIFT).T)]))
            found.append(
                Contest(
                    region=region,
                    missing=missing,
                    area=float(np.count_nonzero(region)) / size,
                    dissent=float(np.mean(against[region])),
                    colour=like if missing else 1 - like,
                    edge=_edge_balance(view, region),
                )
            )
    return found


def thick(mask: Mask, diagonal: float) -> NDArray[np.uint8]:
    """`(H, W)` uint8 0 or 1: what is left of a mask when parts too thin for a disk of `THICKNESS` are taken away."""
    radius = max(1, round(THICKNESS * diagonal))
    disk = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, disk), np.uint8)


def colour_model(view: View, contested: Mask) -> Colours:
    """Share of the foreground in each colour, from the uncontested label and its uncontested surroundings.

    One half where one of the two has no pixels. Bins are smoothed, so that few pixels do not make certainty.
    """
    label = view.label.mask
    near = within_quickly(label, RING * view.diagonal)
    inside, outside = label & ~contested, ~label & near & ~contested
    if not inside.any() or not outside.any():
        return np.full((BINS, BINS, BINS), 0.5, np.float32)
    fore, back = (_histogram(view.image, where) for where in (inside, outside))
    floor = 0.02 / BINS**3 * 8
    return np.asarray((fore + floor) / (fore + back + 2 * floor), np.float32)


def within_quickly(mask: Mask, reach: float) -> Mask:
    """Pixels within about `reach` of the mask: a square, which is separable, does for a neighbourhood."""
    side = 2 * max(1, round(reach)) + 1
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((side, side), np.uint8)) > 0)


def _histogram(image: Image, where: Mask) -> NDArray[np.float64]:
    counts = cv2.calcHist([image], [0, 1, 2], where.astype(np.uint8), [BINS] * 3, [0, 256] * 3)
    cube = np.asarray(counts, np.float64) / np.count_nonzero(where)
    smooth = _SMOOTHING @ cube @ _SMOOTHING.T  # green and blue, for every red
    return np.asarray(np.tensordot(_SMOOTHING, smooth, axes=1), np.float64)


def _largest(binary: NDArray[np.uint8]) -> Iterator[Mask]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(binary)
    order = 1 + np.argsort(-stats[1:count, cv2.CC_STAT_AREA], kind="stable")
    for index in order[:REGIONS]:
        yield np.asarray(labels == index)


def _edge_balance(view: View, region: Mask) -> float:
    """Edges on the region's outline away from the label's minus edges on the part that is the label's outline."""
    x, y, wide, high = cv2.boundingRect(region.astype(np.uint8))
    part = np.s_[max(0, y - 4) : y + high + 4, max(0, x - 4) : x + wide + 4]
    region, strength, label_edge = region[part], view.edges[part], view.label.edge[part]
    # The region was opened: look a little around it for the label's own outline.
    own = strength[label_edge & _grown(region)]
    rival = strength[boundary(region) & ~_grown(label_edge)]
    return (float(np.mean(rival)) if rival.size else 0.5) - (float(np.mean(own)) if own.size else 0.5)


def _grown(mask: Mask) -> Mask:
    return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0)
