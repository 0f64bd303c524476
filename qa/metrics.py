"""Region metrics of one mask against truth: IoU, boundary F and boundary IoU, and the two means named mIoU.

Alphas are `(H, W)`: uint8 0-255, float 0-1 or bool. They become masks at 0.5 (uint8: 128 and above).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Alpha = NDArray[Any]
"""`(H, W)` alpha: uint8 0-255, float 0-1 or bool."""
Mask = NDArray[np.bool_]
"""`(H, W)` bool, True = foreground."""

BOUNDARY_TOLERANCE = 0.008
"""Tolerance of boundary F as a fraction of the image diagonal (DAVIS)."""
BOUNDARY_WIDTH = 0.02
"""Width of the band of boundary IoU as a fraction of the image diagonal."""
SMALL_DISK = 8
"""Radius up to which dilating by a disk is quicker than the exact distance transform, which costs the same for all."""


def as_mask(alpha: Alpha) -> Mask:
    """`(H, W)` bool: where an alpha is at least one half."""
    if alpha.dtype == np.uint8:
        return np.asarray(alpha >= 128)
    return np.asarray(alpha) if alpha.dtype == np.bool_ else np.asarray(alpha >= 0.5)


def as_unit(alpha: Alpha) -> NDArray[np.float32]:
    """`(H, W)` float32 in 0-1 from uint8 0-255, float 0-1 or bool.

    Raises:
        ValueError: a float alpha leaves 0-1 by more than rounding (0-255 was passed as float, most likely).
    """
    if alpha.dtype == np.uint8:
        return alpha.astype(np.float32) / np.float32(255.0)
    unit = alpha.astype(np.float32)
    if unit.size and not (unit.min() >= -1e-3 and unit.max() <= 1.001):
        raise ValueError(f"float alpha must lie in 0-1, got {unit.min():.3g} to {unit.max():.3g}; divide by 255")
    return unit


def check_shapes(first: Alpha, second: Alpha) -> None:
    """Raise ValueError unless both arrays have one and the same shape."""
    if first.shape != second.shape:
        raise ValueError(f"prediction {first.shape} and truth {second.shape} differ in shape; resize one before")


def iou(pred: Alpha, truth: Alpha) -> float:
    """Intersection over union of the foreground, 0-1. Two empty masks agree: 1."""
    check_shapes(pred, truth)
    p, g = as_mask(pred), as_mask(truth)
    union = int(np.count_nonzero(p | g))
    return int(np.count_nonzero(p & g)) / union if union else 1.0


def fg_iou_image_mean(pairs: Iterable[tuple[Alpha, Alpha]]) -> float:
    """Foreground IoU of each (prediction, truth), averaged over images ("mIoU" of PortraitNet and SINet).

    Raises:
        ValueError: there are no pairs.
    """
    values = [iou(pred, truth) for pred, truth in pairs]
    if not values:
        raise ValueError("fg_iou_image_mean needs at least one (prediction, truth) pair")
    return math.fsum(values) / len(values)


def miou2_dataset(pairs: Iterable[tuple[Alpha, Alpha]]) -> float:
    """Mean of foreground and background IoU, areas summed over the whole set first ("mIoU" of PaddleSeg).

    A class that occurs in no image and no prediction counts as 1.

    Raises:
        ValueError: there are no pairs.
    """
    areas = [class_areas(pred, truth) for pred, truth in pairs]
    if not areas:
        raise ValueError("miou2_dataset needs at least one (prediction, truth) pair")
    return miou2_of_areas(areas)


class ClassAreas(NamedTuple):
    """What `miou2_dataset` sums over a set, in pixels: intersection and union of the background, of the foreground."""

    background_both: int
    background_either: int
    foreground_both: int
    foreground_either: int


def class_areas(pred: Alpha, truth: Alpha) -> ClassAreas:
    """Areas shared by and covered by two masks, class by class."""
    check_shapes(pred, truth)
    p, g = as_mask(pred), as_mask(truth)
    both, either = int(np.count_nonzero(p & g)), int(np.count_nonzero(p | g))
    return ClassAreas(p.size - either, p.size - both, both, either)


def miou2_of_areas(areas: Iterable[ClassAreas]) -> float:
    """`miou2_dataset` from the areas of each frame; a class that occurs nowhere counts as 1."""
    background_both, background_either, foreground_both, foreground_either = map(sum, zip(*areas, strict=True))
    background = background_both / background_either if background_either else 1.0
    foreground = foreground_both / foreground_either if foreground_either else 1.0
    return (background + foreground) / 2


def boundary(mask: Mask) -> Mask:
    """`(H, W)` bool: 1 px boundary, where a pixel differs from its right, lower or lower right neighbour (DAVIS).

    The image's sides are no boundary.
    """
    edge = np.zeros(mask.shape, dtype=np.bool_)
    edge[:, :-1] |= mask[:, :-1] ^ mask[:, 1:]
    edge[:-1, :] |= mask[:-1, :] ^ mask[1:, :]
    edge[:-1, :-1] |= mask[:-1, :-1] ^ mask[1:, 1:]
    return edge


def boundary_tolerance(shape: tuple[int, ...]) -> int:
    """Radius in pixels of boundary F's disk for an `(H, W)` image: ⌈0.008 · diagonal⌉."""
    return math.ceil(BOUNDARY_TOLERANCE * math.hypot(shape[0], shape[1]))


def boundary_f(pred: Alpha, truth: Alpha, *, tolerance: int | None = None) -> float:
    """F-measure of 1 px boundaries matched within a disk, 0-1.

    `tolerance` is the disk's radius in pixels, by default ⌈0.008 · diagonal⌉: score at the source's resolution, since
    the rounding up makes small images lenient. Two masks without boundary agree: 1; only one without: 0.

    Source: Perazzi et al., "A Benchmark Dataset and Evaluation Methodology for Video Object Segmentation", CVPR 2016.
    """
    check_shapes(pred, truth)
    radius = boundary_tolerance(pred.shape) if tolerance is None else tolerance
    p, g = boundary(as_mask(pred)), boundary(as_mask(truth))
    return boundary_match(p, within(p, radius), g, within(g, radius))


def boundary_match(pred: Mask, near_pred: Mask, truth: Mask, near_truth: Mask) -> float:
    """Boundary F from two `boundary` maps and their dilations (`within`): for comparing many masks with each other."""
    pred_count, truth_count = int(np.count_nonzero(pred)), int(np.count_nonzero(truth))
    if not pred_count or not truth_count:
        return float(pred_count == truth_count)
    precision = int(np.count_nonzero(pred & near_truth)) / pred_count
    recall = int(np.count_nonzero(truth & near_pred)) / truth_count
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def within(points: Mask, radius: int) -> Mask:
    """`(H, W)` bool: dilation of `points` by a disk of `radius` pixels."""
    if radius <= SMALL_DISK:
        y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
        return np.asarray(cv2.dilate(points.astype(np.uint8), (x**2 + y**2 <= radius**2).astype(np.uint8)) > 0)
    if not points.any():
        return np.zeros(points.shape, dtype=np.bool_)
    distance = cv2.distanceTransform((~points).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(distance <= radius + 1e-3)


def boundary_iou(pred: Alpha, truth: Alpha, *, ignore_sides: bool = False) -> float:
    """IoU of the inner boundary bands `mask − erode(mask, d)`, d = 2 % of the diagonal, at least 1 px; 0-1.

    The image's sides count as boundary where the mask touches them, as in the paper. With `ignore_sides` (the
    border-masked variant) a mask is taken to go on outside the image, so only its true contour counts.

    Source: Cheng et al., "Boundary IoU: Improving Object-Centric Image Segmentation Evaluation", CVPR 2021.
    """
    check_shapes(pred, truth)
    width = max(1, round(BOUNDARY_WIDTH * math.hypot(*pred.shape)))
    p, g = (_inner_band(as_mask(alpha), width, ignore_sides) for alpha in (pred, truth))
    return iou(p, g)


def _inner_band(mask: Mask, width: int, ignore_sides: bool) -> Mask:
    kernel = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
    core = cv2.erode(
        mask.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=1.0 if ignore_sides else 0.0
    )
    return np.asarray(mask & (core == 0))
