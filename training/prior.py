"""What the student finds in its fourth channel while it learns: nothing, a good mask, a wrong one, or its own."""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.images import Grey
from training.config import PriorConfig

Kind = Literal["empty", "minor", "wrong", "own"]


def draw_kind(rng: np.random.Generator, config: PriorConfig) -> Kind:
    """One kind of prior by its share."""
    kinds: tuple[Kind, ...] = ("empty", "minor", "wrong", "own")
    edges = np.cumsum([config.empty, config.minor, config.wrong, config.own])
    return kinds[min(int(np.searchsorted(edges, rng.random(), side="right")), 3)]


def minor_warp(alpha: Grey, rng: np.random.Generator) -> Grey:
    """The mask as a good previous frame would have left it: moved by a few pixels, with an unsure or ragged edge."""
    matrix = _affine(alpha.shape, rng, turn_deg=4.0, scale=0.05, shift=0.04)
    moved = _warp(alpha, matrix)
    roughness = rng.random()
    if roughness < 0.3:
        kernel = np.ones((3, 3), np.uint8)
        moved = np.asarray((cv2.dilate if roughness < 0.15 else cv2.erode)(moved, kernel), dtype=np.uint8)
    elif roughness < 0.6:
        moved = np.asarray(cv2.GaussianBlur(moved, (0, 0), rng.uniform(0.8, 3.0)), dtype=np.uint8)
    return moved


def wrong_prior(alpha: Grey, stranger: Grey, rng: np.random.Generator) -> Grey:
    """A mask to be discarded: the truth moved far away, a stranger's mask (same size), or a frame full of person."""
    which = rng.random()
    if which < 0.4:
        return _warp(alpha, _affine(alpha.shape, rng, turn_deg=40.0, scale=0.4, shift=0.5))
    if which < 0.8:
        return stranger
    return np.full_like(alpha, 255)


def _affine(
    shape: tuple[int, ...], rng: np.random.Generator, *, turn_deg: float, scale: float, shift: float
) -> NDArray[np.float64]:
    height, width = shape
    turn, zoom = rng.uniform(-turn_deg, turn_deg), 1 + rng.uniform(-scale, scale)
    matrix: NDArray[np.float64] = np.array(cv2.getRotationMatrix2D((width / 2, height / 2), turn, zoom), np.float64)
    matrix[:, 2] += rng.uniform(-shift, shift, size=2) * (width, height)
    return matrix


def _warp(alpha: Grey, matrix: NDArray[np.float64]) -> Grey:
    height, width = alpha.shape
    return np.asarray(
        cv2.warpAffine(alpha, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE),
        dtype=np.uint8,
    )
