"""One crop for a whole sample: around the person, from close up to far away, turned, mirrored and bent."""

from __future__ import annotations

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.images import Grey
from training.config import CropConfig
from training.letterbox import window

Floats = NDArray[np.float32]
BEND_GRID = (4, 6)


class View(NamedTuple):
    """What a sample of size `(H, W)` shows of a frame.

    Attributes:
        x, y: `(H, W)` float32: for every pixel the pixel of the frame that it shows: maps of `cv2.remap`.
        bar: columns on the left, and as many on the right, that show nothing.
    """

    x: Floats
    y: Floats
    bar: int


def draw_view(rng: np.random.Generator, alpha: Grey, target: tuple[int, int], config: CropConfig) -> View:
    """A random view, at `target` (height, width), of a frame whose person is `alpha` `(H, W)` uint8.

    Distorted as far as frames are at work (`letterbox`): some views have the shape of a narrower frame, a telephone's
    say, and come stretched, between black bars where that is not enough. Beyond that only a smooth bending: a few
    people then stand for many builds and haircuts.
    """
    height, width = target
    crop = _draw_crop(rng, alpha, target, config)
    shape = (crop[2] - crop[0]) / (crop[3] - crop[1]) * alpha.shape[1] / alpha.shape[0]
    bar = window((height, max(round(height * shape), 1)), target).left
    back = cv2.invertAffineTransform(_draw_turn(rng, alpha, crop, (height, width - 2 * bar), config)).astype(np.float32)
    dx, dy = _draw_bend(rng, target, config.bend * float(rng.random()))
    x, y = np.meshgrid(np.arange(-bar, width - bar, dtype=np.float32), np.arange(height, dtype=np.float32))
    x, y = x + dx, y + dy
    return View(back[0, 0] * x + back[0, 1] * y + back[0, 2], back[1, 0] * x + back[1, 1] * y + back[1, 2], bar)


def shown(view: View) -> Grey:
    """`(H, W)` uint8: 255 where the view shows the frame, 0 in the bars."""
    inside = np.full(view.x.shape, 255, np.uint8)
    return _without_bars(inside, view.bar)


def depth(view: View, alpha: Grey) -> Floats:
    """`(H, W)`: how far down the person `alpha` each pixel lies: 0 at the top of the head, 1 at the lower end."""
    _, top, _, bottom = person_box(alpha)
    return (view.y / np.float32(alpha.shape[0]) - np.float32(top)) / np.float32(max(bottom - top, 1e-3))


def warp(pixels: NDArray[np.uint8], view: View) -> NDArray[np.uint8]:
    """What `view` shows of `pixels` `(H, W)` or `(H, W, C)` uint8, up to 4 channels, bilinearly; 0 in the bars.

    Turned and bent views reach a little beyond the frame: there it is mirrored, as no frame at work has black corners.
    """
    found = cv2.remap(pixels, view.x, view.y, interpolation=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return _without_bars(np.asarray(found, dtype=np.uint8), view.bar)


def _draw_crop(
    rng: np.random.Generator, alpha: Grey, target: tuple[int, int], config: CropConfig
) -> tuple[float, float, float, float]:
    """(x0, y0, x1, y1) as fractions of the frame, within it."""
    left, top, right, bottom = person_box(alpha)
    fill = np.exp(rng.uniform(np.log(config.fill_min), np.log(config.fill_max)))
    least = min(max(config.least, target[0] / (config.enlarged * alpha.shape[0])), 1)
    height = float(np.clip((bottom - top) / fill, least, 1))
    stretch = float(np.exp(rng.uniform(-config.aspect, config.aspect)))
    shape = _draw_shape(rng, target[1] / target[0], config)
    width = min(height * shape * stretch * alpha.shape[0] / alpha.shape[1], 1.0)
    x0 = _place((left + right) / 2 + rng.uniform(-config.shift, config.shift) * width - width / 2, width)
    y0 = _place(_draw_top(rng, top, bottom, height, config), height)
    return x0, y0, x0 + width, y0 + height


def _draw_shape(rng: np.random.Generator, widest: float, config: CropConfig) -> float:
    """Width by height of the frame that the crop plays: mostly the student's own shape, else a narrower one."""
    if rng.random() >= config.narrow:
        return widest
    narrowest = min(config.narrowest, widest)
    return narrowest * float(np.exp(rng.uniform(0, np.log(widest / narrowest))))


def _draw_bend(rng: np.random.Generator, target: tuple[int, int], strength: float) -> tuple[Floats, Floats]:
    """Smooth random displacements in pixels, of standard deviation `strength` x height; none at the lower side."""
    grid = rng.standard_normal((*BEND_GRID, 2)).astype(np.float32) * np.float32(strength * target[0])
    # Bodies that leave the frame below must go on doing so.
    grid[-1, :, 1] = 0
    field = cv2.resize(grid, (target[1], target[0]), interpolation=cv2.INTER_CUBIC)
    return np.asarray(field[..., 0], np.float32), np.asarray(field[..., 1], np.float32)


def _draw_turn(
    rng: np.random.Generator,
    alpha: Grey,
    crop: tuple[float, float, float, float],
    target: tuple[int, int],
    config: CropConfig,
) -> NDArray[np.float64]:
    """The `(2, 3)` affine from frame to target pixels: crop, rotation, mirror."""
    matrix = crop_matrix((alpha.shape[0], alpha.shape[1]), target, crop)
    middle = (target[1] / 2 - 0.5, target[0] / 2 - 0.5)
    turn = cv2.getRotationMatrix2D(middle, rng.uniform(-config.rotation_deg, config.rotation_deg), 1.0)
    flip = np.eye(3)
    if rng.random() < config.flip:
        flip[0, 0], flip[0, 2] = -1, target[1] - 1
    return np.asarray((flip @ _square(turn) @ _square(matrix))[:2], dtype=np.float64)


def _draw_top(rng: np.random.Generator, top: float, bottom: float, height: float, config: CropConfig) -> float:
    """Where a crop of `height` begins: mostly a little above the head, as people frame themselves."""
    if rng.random() < config.head:
        return top - float(rng.uniform(0, config.headroom)) * height
    return (top + bottom) / 2 + float(rng.uniform(-config.shift, config.shift)) * height - height / 2


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


def _place(start: float, length: float) -> float:
    """Move a crop's start so that it stays in the frame (0-1) or, where it is longer, contains it."""
    return float(np.clip(start, min(0, 1 - length), max(0, 1 - length)))


def _square(matrix: NDArray[Any]) -> NDArray[np.float64]:
    return np.vstack([matrix, [0.0, 0.0, 1.0]])


def _without_bars(pixels: NDArray[np.uint8], bar: int) -> NDArray[np.uint8]:
    """`pixels` with `bar` columns on either side blackened, in place."""
    pixels[:, :bar] = pixels[:, pixels.shape[1] - bar :] = 0
    return pixels
