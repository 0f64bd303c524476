"""How frames get into the student's fixed size and masks back out: scaled to fill it, the rest black.

A frame of another shape is stretched, but by no more than `STRETCH`; what that leaves empty is black. A 4:3 frame so
fills a 16:9 picture: without, a quarter of the student's pixels would show nothing.
"""

from __future__ import annotations

from typing import Any, NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", np.uint8, np.float32)


STRETCH = 1.5
"""How far width and height are stretched against each other, at most; the student is trained on no more."""


class Window(NamedTuple):
    """Where the frame lies inside the student's picture, in pixels."""

    top: int
    left: int
    height: int
    width: int


def window(source: tuple[int, int], size: tuple[int, int]) -> Window:
    """Where a frame of `source` (height, width) lies, centred, in a picture of `size` (height, width)."""
    tall, wide = size[0] / source[0], size[1] / source[1]
    height = max(round(source[0] * min(tall, wide * STRETCH)), 1)
    width = max(round(source[1] * min(wide, tall * STRETCH)), 1)
    return Window((size[0] - height) // 2, (size[1] - width) // 2, height, width)


def letterbox(pixels: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    """`pixels` `(H, W)` or `(H, W, C)` uint8, scaled into `size` (height, width); zeros around."""
    place = window((pixels.shape[0], pixels.shape[1]), size)
    canvas = np.zeros((*size, *pixels.shape[2:]), np.uint8)
    canvas[place.top : place.top + place.height, place.left : place.left + place.width] = resize(
        pixels, (place.height, place.width)
    )
    return canvas


def unletterbox(alpha: NDArray[Number], source: tuple[int, int]) -> NDArray[Number]:
    """The part of `alpha` `(h, w)` that a frame of `source` (height, width) was put into, enlarged to that size."""
    return resize(inside(alpha, source), source)


def inside(alpha: NDArray[Number], source: tuple[int, int]) -> NDArray[Number]:
    """The part of `alpha` `(h, w)` or `(h, w, C)` that a frame of `source` (height, width) was put into: a view."""
    place = window(source, (alpha.shape[0], alpha.shape[1]))
    return alpha[place.top : place.top + place.height, place.left : place.left + place.width]


def resize(pixels: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """`pixels` `(H, W)` or `(H, W, C)` at `size` (height, width): averaged when shrunk, interpolated when enlarged."""
    height, width = size
    if pixels.shape[:2] == size:
        return pixels
    shrinks = pixels.shape[0] * pixels.shape[1] > height * width
    return np.asarray(
        cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    )
