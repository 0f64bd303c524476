"""Pictures as the report carries them: small JPEGs in data URIs, and a label drawn on its frame."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import cv2
import numpy as np

from datasets.images import Grey, Image, encode_jpeg

SIDE = 320
"""Longest side of a thumbnail in pixels."""
QUALITY = 65
"""JPEG quality of the page's pictures."""
CONTOUR = (255, 214, 10)
"""RGB of the label's outline: light yellow over black, so that it shows on any picture, without colour vision too."""


@dataclass(frozen=True)
class View:
    """One picture of a frame: its name, its JPEG data URI and its size in pixels."""

    name: str
    uri: str
    width: int
    height: int


def view(name: str, pixels: Image | Grey) -> View:
    """`(H, W, 3)` uint8 RGB or `(H, W)` uint8 as a view; grey stays one channel, which takes half the bytes."""
    data = encode_jpeg(pixels, quality=QUALITY) if pixels.ndim == 3 else _grey_jpeg(pixels)
    uri = f"data:image/jpeg;base64,{base64.b64encode(data).decode('ascii')}"
    return View(name, uri, width=pixels.shape[1], height=pixels.shape[0])


def fitted(image: Image | Grey, side: int = SIDE) -> Image | Grey:
    """The image with its longest side at most `side` pixels; never enlarged."""
    height, width = image.shape[:2]
    scale = min(1.0, side / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def overlay(image: Image, alpha: Grey, trust: Grey) -> Image:
    """The label drawn on its frame: background grey and dark, outline at alpha 0.5, stripes where trust is below half.

    Args:
        image: `(H, W, 3)` uint8 RGB. alpha, trust: `(H, W)` uint8, 255 = foreground, sure.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None].astype(np.float32)
    share = alpha[..., None].astype(np.float32) / 255
    drawn = share * image + (1 - share) * (grey * 0.45)
    ys, xs = np.indices(alpha.shape)
    stripes = (trust < 128) & ((xs + ys) % 8 < 3)
    drawn[stripes] = drawn[stripes] * 0.35 + 255 * 0.65
    return outlined(drawn.round().astype(np.uint8), alpha)


def outlined(image: Image, alpha: Grey) -> Image:
    """A copy of `(H, W, 3)` uint8 RGB with the outline of `(H, W)` uint8 alpha at one half."""
    canvas = np.ascontiguousarray(image.copy())
    # Traced on a wider canvas, so that no outline runs along the picture's border where the person goes on.
    wider = cv2.copyMakeBorder((alpha >= 128).astype(np.uint8), 4, 4, 4, 4, cv2.BORDER_REPLICATE)
    outlines, _ = cv2.findContours(wider, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    cv2.drawContours(canvas, outlines, -1, (0, 0, 0), 3, offset=(-4, -4))
    cv2.drawContours(canvas, outlines, -1, CONTOUR, 1, offset=(-4, -4))
    return np.asarray(canvas, dtype=np.uint8)


def _grey_jpeg(pixels: Grey) -> bytes:
    done, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not done:
        raise ValueError(f"OpenCV cannot encode a {pixels.shape} picture of {pixels.dtype} as JPEG")
    return data.tobytes()
