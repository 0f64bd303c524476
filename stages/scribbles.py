"""Interactive fix: a reviewer scribbles on a mask, and it changes around the scribble and nowhere else.

A round sees the picture and the mask in a crop around its own scribbles, not what was scribbled before: a mistake of an
earlier round is not carried on, it is scribbled away like any other. (Kuaishou's custom matting works in such crops;
how its crop shrinks is not published, the numbers here are ours.)
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.images import Image

Mask = NDArray[np.bool_]
"""`(H, W)` bool."""

Grow = Callable[[Image, Mask, Mask], Mask]
"""`(picture, mask, stroke)` of one size, `(H, W, 3)` uint8 RGB and `(H, W)` bool, to the region to be added."""

RATIOS = ((0.01, 2.0), (0.05, 1.6), (0.2, 1.3))
"""Share of the picture that the scribbles' box takes, and how many times as wide and high the crop is below it."""
LEAST_RATIO, LARGE_RATIO = 1.05, 1.1
SLENDER = 0.5
"""A box's short side counts as so much of its long one: a straight stroke has no width of its own."""
REACH, FAR = 0.07, 2.0
"""Distance from a stroke, over its length, within which a pixel is taken to be meant; and how many reaches are far."""
SOLVED_SIDE = 320
"""Longest side at which a crop is solved; a reviewer waits for it."""


def expand_ratio(share: float, zoom: float = 1.0) -> float:
    """How many times as wide and high as the scribbles' box the crop is.

    Args:
        share: area of the box over that of the picture, 0-1. zoom: how far the reviewer has zoomed in, 1 = not.

    Raises:
        ValueError: the zoom is not positive.
    """
    if zoom <= 0:
        raise ValueError(f"a zoom is positive, this one is {zoom}")
    ratio = next((ratio for below, ratio in RATIOS if share < below), LARGE_RATIO)
    return max(ratio / math.sqrt(zoom), LEAST_RATIO)


def crop_around(strokes: Mask, zoom: float = 1.0) -> tuple[slice, slice]:
    """Rows and columns of the crop around all strokes, `(H, W)` bool, inside the picture.

    Raises:
        ValueError: there is no stroke.
    """
    x, y, width, height = cv2.boundingRect(strokes.astype(np.uint8))
    if not width:
        raise ValueError("there is no stroke to crop around")
    rows, columns = strokes.shape
    long = max(width, height)
    tall, wide = max(height, SLENDER * long), max(width, SLENDER * long)
    ratio = expand_ratio(min(1.0, tall * wide / (rows * columns)), zoom)
    return _centred(y + height / 2, tall * ratio, height, rows), _centred(x + width / 2, wide * ratio, width, columns)


def fix(
    image: Image, mask: Mask, add: Mask, remove: Mask, *, grow: Grow, zoom: float = 1.0, side: int = SOLVED_SIDE
) -> Mask:
    """The mask after one round of scribbles: `add` strokes add to the person, `remove` strokes take away.

    Only regions that a stroke touches change, only inside the crop around the strokes, and only in the stroke's sense.

    Args:
        image: `(H, W, 3)` uint8 RGB. mask, add, remove: `(H, W)` bool. grow: how a region is found from a stroke.
        side: longest side at which `grow` sees the crop.

    Raises:
        ValueError: sizes differ, or there is no stroke.
    """
    shapes = {array.shape[:2] for array in (image, mask, add, remove)}
    if len(shapes) > 1:
        raise ValueError(f"picture, mask and strokes must have one size, got {sorted(shapes)}")
    crop = crop_around(add | remove, zoom)
    fixed = mask.copy()
    part, plus, minus = mask[crop], add[crop] & ~remove[crop], remove[crop]
    if plus.any():
        part = part | _grown(image[crop], part & ~minus, plus, grow, side)
    if minus.any():
        part = part & ~_grown(image[crop], ~(part & ~minus) & ~plus, minus, grow, side)
    fixed[crop] = (part | plus) & ~minus
    return fixed


def graph_cut(image: Image, mask: Mask, stroke: Mask) -> Mask:
    """The region around a stroke that looks like it rather than like what lies further off, by graph cut.

    What is beyond `FAR` reaches of the stroke stays as it is, what is within one is taken to belong to it unless its
    colours say otherwise. A wider reach finds more of large regions and spoils more frames (measured, see
    docs/review_assist.md); so do more iterations, and closed-form matting from the same seeds is behind.
    Source: C. Rother, V. Kolmogorov, A. Blake, "GrabCut", ACM TOG 23(3), 2004 (through OpenCV).
    """
    _, _, width, height = cv2.boundingRect(stroke.astype(np.uint8))
    reach = max(2.0, REACH * max(width, height))
    distance = cv2.distanceTransform((~stroke).astype(np.uint8), cv2.DIST_L2, 3)
    labels = np.full(mask.shape, cv2.GC_PR_BGD, np.uint8)
    labels[distance <= reach] = cv2.GC_PR_FGD
    labels[distance > FAR * reach] = cv2.GC_BGD
    labels[mask | stroke] = cv2.GC_FGD
    if (labels != cv2.GC_BGD).all() and (labels != cv2.GC_PR_BGD).all():
        return np.asarray(~mask)  # nothing is left to look different
    further, nearer = np.zeros((1, 65)), np.zeros((1, 65))  # colour models, to be filled
    cv2.setRNGSeed(0)  # the colour models start from random centres
    cv2.grabCut(np.ascontiguousarray(image), labels, (0, 0, 1, 1), further, nearer, 1, cv2.GC_INIT_WITH_MASK)
    return np.asarray(np.isin(labels, (cv2.GC_FGD, cv2.GC_PR_FGD)) & ~mask)


def _grown(image: Image, mask: Mask, stroke: Mask, grow: Grow, side: int) -> Mask:
    """What `grow` adds to the mask, solved small, at full size; parts without a stroke are left out."""
    height, width = mask.shape
    scale = min(1.0, side / max(height, width))
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        thin = cv2.resize(stroke.astype(np.float32), size, interpolation=cv2.INTER_AREA) > 0
        coarse = _resized(mask, size) & ~thin
        found = grow(small, coarse, thin)
        region = _resized(found | thin, (width, height))
    else:
        region = grow(image, mask & ~stroke, stroke) | stroke
    region = region & ~mask | stroke
    _, parts = cv2.connectedComponents(region.astype(np.uint8), connectivity=4)
    return np.isin(parts, np.unique(parts[stroke]))


def _resized(mask: Mask, size: tuple[int, int]) -> Mask:
    return np.asarray(cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_LINEAR) >= 0.5)


def _centred(middle: float, length: float, least: int, limit: int) -> slice:
    """A range of `length` around `middle`, never shorter than `least`, inside 0 to `limit`."""
    half = max(length, least) / 2
    return slice(max(0, math.floor(middle - half)), min(limit, math.ceil(middle + half)))
