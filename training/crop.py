"""One crop for a whole sample: around the person, from close up to far away, turned, mirrored and bent."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.images import Grey
from training.config import CropConfig

Sampling = tuple[NDArray[np.float32], NDArray[np.float32]]
"""For every pixel of the result, the x and the y of the source pixel it shows: maps of `cv2.remap`."""

BEND_GRID = (4, 6)
OUTSIDE = -1e4
"""Where the map of a pixel points that shows nothing: far off any frame, so that it comes out black."""


def draw_crop(rng: np.random.Generator, alpha: Grey, target: tuple[int, int], config: CropConfig) -> Sampling:
    """A random view, at `target` (height, width), of a frame whose person is `alpha` `(H, W)` uint8.

    Nearly undistorted, as the student sees frames at work, but for a smooth bending: a few people then stand for many
    builds and haircuts. Where the crop shows more than the frame the rest is black, as at work, and some crops lie
    between the black bars that a narrower frame, a telephone's say, has at work.
    """
    height, width = target
    bar = _draw_bar(rng, target, config)
    matrix = _draw_affine(rng, alpha, (height, width - 2 * bar), config)
    dx, dy = _draw_bend(rng, target, config.bend * float(rng.random()))
    x, y = np.meshgrid(np.arange(-bar, width - bar, dtype=np.float32), np.arange(height, dtype=np.float32))
    back = cv2.invertAffineTransform(matrix).astype(np.float32)
    x, y = x + dx, y + dy
    sampling = back[0, 0] * x + back[0, 1] * y + back[0, 2], back[1, 0] * x + back[1, 1] * y + back[1, 2]
    sampling[0][:, :bar] = sampling[0][:, width - bar :] = OUTSIDE
    return sampling


def inside(sampling: Sampling, shape: tuple[int, ...]) -> Grey:
    """`(H, W)` uint8: 255 where a sampled pixel's centre lies in the frame of `shape` (height, width, …), 0 outside."""
    x, y = sampling
    within = (x > -0.5) & (x < shape[1] - 0.5) & (y > -0.5) & (y < shape[0] - 0.5)
    return within.view(np.uint8) * np.uint8(255)


def _draw_bar(rng: np.random.Generator, target: tuple[int, int], config: CropConfig) -> int:
    """Width in pixels of the black bar on either side of a frame that is narrower than the target; mostly 0."""
    if rng.random() >= config.bars:
        return 0
    narrowest = min(target[0] * config.bars_shape, target[1])
    window = narrowest * float(np.exp(rng.uniform(0, np.log(target[1] / narrowest))))
    return round((target[1] - window) / 2)


def _draw_bend(rng: np.random.Generator, target: tuple[int, int], strength: float) -> Sampling:
    """Smooth random displacements in pixels, of standard deviation `strength` x height; none at the lower side."""
    grid = rng.standard_normal((*BEND_GRID, 2)).astype(np.float32) * np.float32(strength * target[0])
    # Bodies that leave the frame below must go on doing so.
    grid[-1, :, 1] = 0
    field = cv2.resize(grid, (target[1], target[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray(field[..., 0], np.float32), np.asarray(field[..., 1], np.float32)


def _draw_affine(
    rng: np.random.Generator, alpha: Grey, target: tuple[int, int], config: CropConfig
) -> NDArray[np.float64]:
    """The `(2, 3)` affine from frame to target pixels: crop, rotation, mirror."""
    left, top, right, bottom = person_box(alpha)
    fill = np.exp(rng.uniform(np.log(config.fill_min), np.log(config.fill_max)))
    height = float(np.clip((bottom - top) / fill, config.least, 1 + config.margin))
    shape = target[1] / target[0] * alpha.shape[0] / alpha.shape[1]
    width = height * shape * float(np.exp(rng.uniform(-config.aspect, config.aspect)))
    x0 = _place((left + right) / 2 + rng.uniform(-config.shift, config.shift) * width - width / 2, width)
    y0 = _place((top + bottom) / 2 + rng.uniform(-config.shift, config.shift) * height - height / 2, height)
    matrix = crop_matrix((alpha.shape[0], alpha.shape[1]), target, (x0, y0, x0 + width, y0 + height))
    middle = (target[1] / 2 - 0.5, target[0] / 2 - 0.5)
    turn = cv2.getRotationMatrix2D(middle, rng.uniform(-config.rotation_deg, config.rotation_deg), 1.0)
    flip = np.eye(3)
    if rng.random() < config.flip:
        flip[0, 0], flip[0, 2] = -1, target[1] - 1
    return np.asarray((flip @ _square(turn) @ _square(matrix))[:2], dtype=np.float64)


def person_box(alpha: Grey) -> tuple[float, float, float, float]:
    """Bounding box (x0, y0, x1, y1) of the foreground as fractions of the frame; the whole frame where it is empty."""
    x, y, width, height = cv2.boundingRect((alpha > 127).astype(np.uint8))
    if not width:
        return 0.0, 0.0, 1.0, 1.0
    return x / alpha.shape[1], y / alpha.shape[0], (x + width) / alpha.shape[1], (y + height) / alpha.shape[0]


def crop_matrix(
    source: tuple[int, int], target: tuple[int, int], crop: tuple[float, float, float, float]
) -> NDArray[np.float64]:
    """The `(2, 3)` affine of pixel centres that fills `target` (height, width) with a crop of `source`.

    `crop` is (x0, y0, x1, y1) as fractions of the source's width and height.
    """
    x0, y0, x1, y1 = crop
    sx = target[1] / ((x1 - x0) * source[1])
    sy = target[0] / ((y1 - y0) * source[0])
    return np.array([[sx, 0.0, (0.5 - x0 * source[1]) * sx - 0.5], [0.0, sy, (0.5 - y0 * source[0]) * sy - 0.5]])


def warp(pixels: NDArray[np.uint8], sampling: Sampling) -> NDArray[np.uint8]:
    """`pixels` `(H, W)` or `(H, W, C)` uint8, up to 4 channels, as sampled, bilinearly; 0 outside of the frame."""
    return np.asarray(cv2.remap(pixels, *sampling, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def _place(start: float, length: float) -> float:
    """Move a crop's start so that it stays in the frame (0-1) or, where it is longer, contains it."""
    return float(np.clip(start, min(0, 1 - length), max(0, 1 - length)))


def _square(matrix: NDArray[Any]) -> NDArray[np.float64]:
    return np.vstack([matrix, [0.0, 0.0, 1.0]])
