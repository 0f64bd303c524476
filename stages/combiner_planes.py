"""What the combiner sees of a frame without truth: votes, agreement, picture and people, as planes on a coarse grid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from datasets.images import Image
from stages.paste import Window
from stages.reliability import Shot, edge_strength, main_person
from stages.strategies import Stack, Weights, disagreement, weighted

STRIDE = 16
"""Sides of the grid are multiples of this: the combiner's network halves them four times."""
_BINS = 16
"""Levels of each of Y, Cr and Cb in the colour histograms."""

Planes = NDArray[np.float32]
"""`(P, h, w)` float32, each about -1 to 1; what they are, see `planes`."""


@dataclass(frozen=True)
class Scene:
    """One frame and what speaks for its label, all maps of one size.

    Attributes:
        image: `(H, W, 3)` uint8 RGB.
        teachers: names of the T teachers that voted. votes: `(T, H, W)` float32 0-1.
        weights: `(T,)`, sum 1: the trust in each teacher before any pixel is looked at (`stages.reliability`).
        boxes, scores: confident person boxes as fractions of the frame, and their confidences 0-1.
        shot: the kind of shot.
    """

    image: Image
    teachers: Sequence[str]
    votes: Stack
    weights: Weights
    boxes: Sequence[Window]
    scores: Sequence[float]
    shot: Shot


def grid_size(width: int, height: int, longest_side: int) -> tuple[int, int]:
    """`(width, height)` of the grid of a frame: about `longest_side`, in multiples of `STRIDE` (a little stretched)."""
    scale = longest_side / max(width, height)
    columns, rows = (max(1, round(side * scale / STRIDE)) * STRIDE for side in (width, height))
    return columns, rows


def resampled(maps: Stack, width: int, height: int) -> Stack:
    """`(T, H, W)` maps at `height` × `width`: by area where they shrink, bilinearly where they grow."""
    shrinks = width < maps.shape[2] or height < maps.shape[1]
    flag = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.stack([np.asarray(cv2.resize(one, (width, height), interpolation=flag), np.float32) for one in maps])


def plane_count(slots: int) -> int:
    """How many planes a combiner with so many slots sees."""
    return 2 * slots + 16


def planes(scene: Scene, slots: Sequence[str]) -> Planes:
    """The planes of a scene that is on its grid, `(plane_count(len(slots)), H, W)`.

    In order: per slot the teacher's vote less the weighted mean, 0 where it abstains; per slot its weight; the weighted
    mean; the votes' disagreement; least, middle and largest vote; the picture's edges; likeness of the colour to the
    foreground's; person boxes by confidence; position across and down the main person's box; Y, Cr, Cb; the three kinds
    of shot.

    Args:
        slots: the teachers the combiner knows by name, in its order. Others count in all planes but the first kinds.
    """
    height, width = scene.image.shape[:2]
    base = weighted(scene.votes, scene.weights)
    known = {teacher: index for index, teacher in enumerate(scene.teachers)}
    found = np.zeros((plane_count(len(slots)), height, width), np.float32)
    for slot, teacher in enumerate(slots):
        if teacher in known:
            found[slot] = scene.votes[known[teacher]] - base
            found[len(slots) + slot] = scene.weights[known[teacher]]
    colours = cv2.cvtColor(scene.image, cv2.COLOR_RGB2YCrCb)
    ordered = np.sort(scene.votes, axis=0)
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    rest = found[2 * len(slots) :]
    rest[0], rest[1] = base, disagreement(scene.votes, scene.weights)
    rest[2], rest[3], rest[4] = ordered[0], middle, ordered[-1]
    rest[5] = edge_strength(scene.image)
    rest[6] = colour_likeness(colours, base)
    rest[7] = box_map(scene.boxes, scene.scores, width, height)
    rest[8], rest[9] = box_coordinates(scene.boxes, scene.scores, width, height)
    rest[10:13] = colours.transpose(2, 0, 1).astype(np.float32) / 127.5 - 1
    rest[13], rest[14], rest[15] = scene.shot.portrait, scene.shot.figure, scene.shot.distant
    return found


def colour_likeness(colours: Image, probability: NDArray[np.float32]) -> NDArray[np.float32]:
    """`(H, W)` float32 in -1 to 1: 2·P(foreground | colour) - 1, both classes held equally likely.

    The densities are smoothed histograms of this one frame, every pixel counting as foreground by `probability`
    `(H, W)`: what the votes call foreground with confidence speaks for pixels of its colours that they dispute.

    Args:
        colours: `(H, W, 3)` uint8 in any colour space.
    """
    bins = colours.astype(np.int64) // (256 // _BINS)
    index = ((bins[..., 0] * _BINS + bins[..., 1]) * _BINS + bins[..., 2]).ravel()
    weight = probability.ravel().astype(np.float64)
    densities = []
    for share in (weight, 1 - weight):
        counts = np.bincount(index, share, _BINS**3).reshape(_BINS, _BINS, _BINS)
        smooth = gaussian_filter(counts, 1.0, mode="constant")
        densities.append(smooth.ravel() / max(smooth.sum(), 1.0))
    foreground, background = densities
    least = 1e-4 / _BINS  # a colour hardly seen at all says nothing
    likeness = (foreground - background) / (foreground + background + least)
    return np.asarray(likeness[index].reshape(probability.shape), np.float32)


def box_map(boxes: Sequence[Window], scores: Sequence[float], width: int, height: int) -> NDArray[np.float32]:
    """`(H, W)` float32 0-1: the largest confidence of the person boxes that hold the pixel's centre."""
    ys, xs = (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width
    found = np.zeros((height, width), np.float32)
    for (x0, y0, x1, y1), score in zip(boxes, scores, strict=True):
        inside = ((ys >= y0) & (ys <= y1))[:, None] & ((xs >= x0) & (xs <= x1))
        found[inside] = np.maximum(found[inside], np.float32(score))
    return found


def box_coordinates(
    boxes: Sequence[Window], scores: Sequence[float], width: int, height: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Across and down the main person's box, `(1, W)` and `(H, 1)` float32: ±0.5 at its sides, kept within ±1.

    Without any box the whole frame is taken for it.
    """
    x0, y0, x1, y1 = main_person(boxes, scores) or (0.0, 0.0, 1.0, 1.0)
    xs, ys = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
    across = np.clip((xs - (x0 + x1) / 2) / max(x1 - x0, 1e-3), -1, 1)
    down = np.clip((ys - (y0 + y1) / 2) / max(y1 - y0, 1e-3), -1, 1)
    return across[None, :].astype(np.float32), down[:, None].astype(np.float32)
