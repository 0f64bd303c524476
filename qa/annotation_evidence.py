"""What the picture, and the mask's own form, say for or against an imported mask where it differs from the votes."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from qa.annotation_case import Case
from qa.metrics import Mask, within
from qa.view import Outline

COLOURS = 16
"""Levels a colour channel is reduced to when the person's colours are told from the scene's."""
LEAST_REACH, MOST_REACH = 0.006, 0.06
"""Shortest shift that counts and longest one tried, as fractions of the diagonal."""


def edge_evidence(case: Case) -> dict[str, float]:
    given, majority = case.given, case.majority
    # An outline may lie a pixel beside the edge at working size: the best within one pixel counts.
    strength = np.asarray(cv2.dilate(case.edges, np.ones((3, 3), np.uint8)), np.float32)
    found = {}
    if given.edge.any() and majority.edge.any():
        found["edge_gap"] = float(np.mean(strength[majority.edge]) - np.mean(strength[given.edge]))
    parted, other = given.edge & ~within(majority.edge, 2), majority.edge & ~within(given.edge, 2)
    if parted.any() and other.any():
        share = np.count_nonzero(parted) / np.count_nonzero(given.edge)
        found["contested_edge"] = float(np.mean(strength[other]) - np.mean(strength[parted])) * share
    return found


def colour_evidence(case: Case) -> dict[str, float]:
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
    counts: NDArray[np.float64] = np.bincount(bins, minlength=COLOURS**3).reshape((COLOURS,) * 3).astype(np.float64)
    for axis in range(3):
        padded = np.pad(counts, [(1, 1) if axis == other else (0, 0) for other in range(3)])
        before, after = (np.take(padded, range(first, first + COLOURS), axis) for first in (0, 2))
        counts = np.asarray(0.5 * counts + 0.25 * (before + after), np.float64)
    flat = counts.ravel() + 0.01
    return np.asarray(flat / flat.sum())


def outline_evidence(case: Case) -> dict[str, float]:
    given, majority = case.given, case.majority
    lengths = np.count_nonzero(given.edge), np.count_nonzero(majority.edge)
    if not all(lengths):
        return {}
    corners = [_corners(outline.mask) for outline in (given, majority)]
    return {
        "rough": math.log(lengths[0] / lengths[1]),
        "teeth": _teeth(given) - _teeth(majority),
        "corners": math.log((corners[0] + 1e-3) / (corners[1] + 1e-3)),
    }


def _teeth(outline: Outline) -> float:
    """Area that a median filter changes, over the outline's length."""
    mask = outline.mask.astype(np.uint8)
    size = 2 * max(1, round(0.01 * math.hypot(*mask.shape))) + 1
    return float(np.count_nonzero(cv2.medianBlur(mask, size) != mask) / np.count_nonzero(outline.edge))


def _corners(mask: Mask) -> float:
    """Corners a pixel of outline, when a pixel's deviation is allowed. The picture's sides are no outline."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    rows, columns = mask.shape
    corners, total = 0, 0.0
    for contour in contours:
        points = cv2.approxPolyDP(contour, 1.0, closed=True)[:, 0].astype(np.float64)
        ends = np.roll(points, -1, axis=0)
        side = ((points == 0) & (ends == 0)) | ((points == [columns - 1, rows - 1]) & (ends == [columns - 1, rows - 1]))
        pieces = np.hypot(*(ends - points).T)[~side.any(axis=1)]
        corners += len(pieces)
        total += float(pieces.sum())
    return corners / total if total else 0.0


def shift_evidence(case: Case) -> dict[str, float]:
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
