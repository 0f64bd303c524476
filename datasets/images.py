"""Image codecs: arrays to JPEG and PNG bytes and back. RGB everywhere inside; BGR only at OpenCV's door."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import cv2
import numpy as np
from cv2.typing import MatLike
from numpy.typing import NDArray

Image = NDArray[np.uint8]
"""`(H, W, 3)` uint8 RGB."""
Grey = NDArray[np.uint8]
"""`(H, W)` uint8: alpha, mask or trust."""
Reduction = Literal[1, 2, 4, 8]
"""How many times smaller than it is a picture is decoded."""

_JPEG = b"\xff\xd8"
_GREY_PNG = [
    cv2.IMWRITE_PNG_COMPRESSION, 1,
    cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_NONE,
    cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE,
]  # fmt: skip
_REDUCED: dict[Reduction, int] = {
    2: cv2.IMREAD_REDUCED_COLOR_2,
    4: cv2.IMREAD_REDUCED_COLOR_4,
    8: cv2.IMREAD_REDUCED_COLOR_8,
}


def encode_jpeg(image: Image, *, quality: int = 95) -> bytes:
    """JPEG bytes of an `(H, W, 3)` uint8 RGB image, chroma not subsampled at quality >= 90 (edges stay clean)."""
    flags = [cv2.IMWRITE_JPEG_QUALITY, quality]
    if quality >= 90:
        flags += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    return _encode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), flags)


def encode_png(image: Image | Grey) -> bytes:
    """PNG bytes of an `(H, W, 3)` RGB or `(H, W)` grey uint8 image.

    Maps are mostly runs of 0 and 255: run lengths of unfiltered rows are as small as anything and three times as quick.
    """
    if image.ndim == 2:
        return _encode(".png", image, _GREY_PNG)
    return _encode(".png", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_PNG_COMPRESSION, 3])


def decode_rgb(data: bytes, *, reduction: Reduction = 1) -> Image:
    """`(H, W, 3)` uint8 RGB from JPEG or PNG bytes.

    A JPEG can be decoded at a half, a quarter or an eighth of its size: its blocks are transformed back at that size,
    which averages pixels as a box filter would and takes a fraction of the time. A PNG is always decoded whole.

    Raises:
        ValueError: the bytes are no image.
    """
    if reduction > 1 and data.startswith(_JPEG):
        return np.asarray(cv2.cvtColor(_decode(data, _REDUCED[reduction]), cv2.COLOR_BGR2RGB), dtype=np.uint8)
    return _decode(data, cv2.IMREAD_COLOR_RGB)


def reduction_to(width: int, height: int, surplus: float) -> Reduction:
    """How many times smaller a `width` x `height` JPEG may be decoded for whom it is `surplus` times too large.

    Only by what divides both sides, so that pixel borders stay where they were.

    >>> reduction_to(1280, 720, 720 / 256), reduction_to(1280, 720, 5.0), reduction_to(1279, 720, 5.0)
    (2, 4, 1)
    """
    fits: Iterator[Reduction] = (r for r in _REDUCED if r <= surplus and width % r == height % r == 0)
    return max(fits, default=1)


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
