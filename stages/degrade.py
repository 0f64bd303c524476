"""Degradations: what cheap lenses, sensors and codecs do to a picture. They change the image, never the alpha."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from datasets.images import Image, decode_rgb, encode_jpeg


@dataclass(frozen=True)
class Degradation:
    """What happens to every frame of a clip; the defaults change nothing.

    Attributes:
        shrink: the picture is made this fraction of its size and enlarged again (a camera of lower resolution).
        blur: standard deviation of a Gaussian in pixels (focus).
        sharpen: strength of an unsharp mask (in-camera sharpening, with its overshoot at edges).
        noise: standard deviation at mid grey in levels of 255 (sensor).
        jpeg: quality 1-100 of a re-encoding with subsampled chroma (codec); 0: none.
        grey: the picture loses its colour.
    """

    shrink: float = 1.0
    blur: float = 0.0
    sharpen: float = 0.0
    noise: float = 0.0
    jpeg: int = 0
    grey: bool = False


def degrade(image: Image, degradation: Degradation, rng: np.random.Generator) -> Image:
    """A degraded copy of an `(H, W, 3)` uint8 RGB image: light first, then lens, sensor, camera, codec.

    Args:
        rng: of this frame's noise; not read when there is none.
    """
    if degradation.grey:
        image = _u8(cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB))
    if degradation.blur > 0.0:
        image = _u8(cv2.GaussianBlur(image, (0, 0), degradation.blur))
    if degradation.shrink < 1.0:
        size = image.shape[1], image.shape[0]
        small = max(1, round(size[0] * degradation.shrink)), max(1, round(size[1] * degradation.shrink))
        image = _u8(cv2.resize(cv2.resize(image, small, interpolation=cv2.INTER_AREA), size))
    if degradation.noise > 0.0:
        from stages.noise import add_noise

        image = add_noise(image, degradation.noise, rng)
    if degradation.sharpen > 0.0:
        smooth = cv2.GaussianBlur(image, (0, 0), 1.0)
        image = _u8(cv2.addWeighted(image, 1.0 + degradation.sharpen, smooth, -degradation.sharpen, 0.0))
    if degradation.jpeg:
        image = decode_rgb(encode_jpeg(image, quality=degradation.jpeg))
    return image


def _u8(pixels: object) -> Image:
    return np.asarray(pixels, dtype=np.uint8)
