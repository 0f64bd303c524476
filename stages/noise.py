"""Sensor noise. Importing numba takes half a second: import this module where it is needed."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

from datasets.images import Image

_READ = 0.5
"""Part of the noise variance at mid grey that does not depend on light (read noise); the rest is shot noise."""
_CHROMA = 0.6
"""Strength of the colour blotches relative to the grain."""
_ROOM = 256
"""Rows and columns that the sheet of noise is larger than a frame: 66,049 places to look at it."""
_UNIT = 28
"""Steps of the sheet per deviation of the grain: the 8 bits reach 3.9 deviations of grain and blotches together."""
_SEED = 20


def add_noise(image: Image, sigma: float, rng: np.random.Generator) -> Image:
    """Sensor noise on an `(H, W, 3)` uint8 image: variance grows with light (Poisson-Gaussian), colour is blotchy.

    σ(v)² = σ²·(r + (1 − r)·v / 127.5). Grain is common to the three channels; demosaicing and chroma subsampling spread
    the colour noise over neighbours, so it is drawn at half the resolution.

    A normal number per pixel would take longer than all the rest of a frame. One larger sheet is drawn once and for
    all; a frame sees a random part of it, with a random sign.

    Args:
        sigma: standard deviation of the grain at mid grey, in levels of 255.
    """
    height, width = image.shape[:2]
    down, right = int(rng.integers(_ROOM + 1)), int(rng.integers(_ROOM + 1))
    part = _sheet(height, width)[down : down + height, right : right + width].reshape(height, -1)
    pixels = np.ascontiguousarray(image).reshape(height, -1)
    strength = np.float32(float(rng.choice((-1.0, 1.0))) * sigma / _UNIT)
    return np.asarray(_add(pixels, part, strength), dtype=np.uint8).reshape(image.shape)


@lru_cache(maxsize=2)
def _sheet(height: int, width: int) -> NDArray[np.int8]:
    """`(height + 256, width + 256, 3)`: the noise that frames of one size take theirs from, in steps of 1 / 28."""
    rng = np.random.default_rng(_SEED)
    height, width = height + _ROOM, width + _ROOM
    grain = rng.standard_normal((height, width), dtype=np.float32)
    blotches = rng.standard_normal(((height + 1) // 2, (width + 1) // 2, 3), dtype=np.float32) * np.float32(_CHROMA)
    noise = (np.asarray(cv2.resize(blotches, (width, height))) + grain[..., None]) * _UNIT
    return np.asarray(np.clip(np.rint(noise), -127, 127), dtype=np.int8)


def _compiled(function: Callable[..., NDArray[np.uint8]]) -> Callable[..., NDArray[np.uint8]]:
    """Compiled once a machine; the types of numba are not known to mypy."""
    return njit(cache=True, nogil=True)(function)


@_compiled
def _add(image: NDArray[np.uint8], sheet: NDArray[np.int8], strength: np.float32) -> NDArray[np.uint8]:
    """`(H, N)` uint8: v + strength·σ(v)·noise, rounded. Single additions and products: the same on every machine."""
    noisy = np.empty(image.shape, np.uint8)
    read, shot = np.float32(_READ), np.float32((1.0 - _READ) / 127.5)
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            value = np.float32(image[row, column])
            noise = strength * np.sqrt(read + shot * value) * np.float32(sheet[row, column])
            level = value + noise + np.float32(0.5)
            noisy[row, column] = np.uint8(min(max(level, np.float32(0.0)), np.float32(255.0)))
    return noisy
