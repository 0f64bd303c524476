"""Image codecs: arrays to JPEG and PNG bytes and back. RGB everywhere inside; BGR only at OpenCV's door."""

from __future__ import annotations

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""`(H, W, 3)` uint8 RGB."""
Grey = NDArray[np.uint8]
"""`(H, W)` uint8: alpha, mask or trust."""


def encode_jpeg(image: Image, *, quality: int = 95) -> bytes:
    """JPEG bytes of an `(H, W, 3)` uint8 RGB image, chroma not subsampled at quality >= 90 (edges stay clean)."""
    flags = [cv2.IMWRITE_JPEG_QUALITY, quality]
    if quality >= 90:
        flags += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    return _encode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), flags)


def encode_png(image: Image | Grey) -> bytes:
    """PNG bytes of an `(H, W, 3)` RGB or `(H, W)` grey uint8 image."""
    pixels = cv2.cvtColor(image, cv2.COLOR_RGB2BGR) if image.ndim == 3 else image
    return _encode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 3])


def decode_rgb(data: bytes) -> Image:
    """`(H, W, 3)` uint8 RGB from JPEG or PNG bytes.

    Raises:
        ValueError: the bytes are no image.
    """
    return np.asarray(cv2.cvtColor(_decode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB), dtype=np.uint8)


def decode_grey(data: bytes) -> Grey:
    """`(H, W)` uint8 from PNG or JPEG bytes.

    Raises:
        ValueError: the bytes are no image.
    """
    return np.asarray(_decode(data, cv2.IMREAD_GRAYSCALE), dtype=np.uint8)


def _encode(extension: str, pixels: MatLike, flags: list[int]) -> bytes:
    ok, data = cv2.imencode(extension, pixels, flags)
    if not ok:
        raise ValueError(f"OpenCV could not encode a {pixels.shape} {pixels.dtype} image as {extension}")
    return bytes(data)


def _decode(data: bytes, flag: int) -> NDArray[np.uint8]:
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flag) if data else None
    if pixels is None:
        raise ValueError(f"not an image: {len(data)} bytes starting with {data[:8]!r}")
    return np.asarray(pixels, dtype=np.uint8)
