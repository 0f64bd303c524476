"""COCO's compressed RLE of a mask: runs down the columns, as a short string; as pycocotools writes and reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasets.media import MAX_IMAGE_PIXELS

LONGEST = 7
"""Characters of a number: five bits each reach beyond the pixels of any picture."""
Mask = NDArray[np.uint8] | NDArray[np.bool_]


class CocoRleError(ValueError):
    """Not a COCO RLE of such a mask. The message says what is wrong."""


@dataclass(frozen=True)
class CocoMask:
    """A mask as COCO tells it.

    Attributes:
        rle: `{"size": [H, W], "counts": str}`, ready for JSON.
        area: pixels of the mask. box: `[x, y, width, height]` in pixels, zeros for an empty mask.
    """

    rle: dict[str, Any]
    area: int
    box: list[float]


def encode_coco(mask: Mask) -> CocoMask:
    """The RLE, area and box of an `(H, W)` mask; whatever is not 0 is the person.

    Raises:
        CocoRleError: the mask is not `(H, W)`, or has no pixels.
    """
    from pycocotools import mask as coco

    if mask.ndim != 2 or not mask.size:
        raise CocoRleError(f"a mask is (H, W), this one {mask.shape}")
    code = coco.encode(np.asfortranarray(mask != 0).view(np.uint8))
    rle = {"size": list(mask.shape), "counts": code["counts"].decode("ascii")}
    return CocoMask(rle, int(coco.area(code)), [float(value) for value in coco.toBbox(code)])


def decode_coco(rle: Any) -> NDArray[np.uint8]:
    """`(H, W)` uint8 of zeros and ones from an RLE: `counts` is the string, or the runs as they are (uncompressed).

    Footage brings such files, so nothing is believed: pycocotools fills up with zeros where runs are missing, and reads
    and writes outside of its memory where a string ends within a number.

    Raises:
        CocoRleError: the size or the counts are damaged.
    """
    try:
        height, width = map(int, rle["size"])
        counts = rle["counts"]
        runs = _runs(counts.encode("ascii")) if isinstance(counts, str) else np.asarray(counts, np.int64)
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise CocoRleError(f"not a COCO RLE with size [H, W] and counts ({error!r})") from error
    if min(height, width) < 1 or height * width > MAX_IMAGE_PIXELS:
        raise CocoRleError(f"COCO RLE of {height}x{width} pixels: no picture has that size")
    pixels = height * width
    if runs.ndim != 1 or ((runs < 0) | (runs > pixels)).any() or runs.sum() != pixels:
        raise CocoRleError(f"the runs of a COCO RLE do not make {height}x{width} pixels: it is cut off or damaged")
    values = (np.arange(len(runs)) % 2).astype(np.uint8)
    return np.repeat(values, runs).reshape(width, height).T


def _runs(counts: bytes) -> NDArray[np.int64]:
    """Lengths of the runs: 5 bits a character from 48 on, the 6th bit says "more"; from the fourth run on, differences
    from the run before the last one (`rleFrString` of the COCO API).

    Raises:
        ValueError: not such a string.
    """
    chars = np.frombuffer(counts, np.uint8).astype(np.int64) - 48
    ends = np.flatnonzero(chars < 32)
    if ((chars < 0) | (chars > 63)).any() or not len(ends) or ends[-1] != len(chars) - 1:
        raise ValueError("the counts are no string of numbers, or end within one")
    starts = np.append(0, ends[:-1] + 1)
    lengths = ends - starts + 1
    if lengths.max() > LONGEST:
        raise ValueError(f"the counts hold a number of {lengths.max()} characters")
    place = np.arange(len(chars)) - np.repeat(starts, lengths)
    runs = np.add.reduceat((chars & 31) << (5 * place), starts)
    runs -= np.where(chars[ends] & 16, 1 << (5 * lengths), 0)
    runs[1::2], runs[2::2] = np.cumsum(runs[1::2]), np.cumsum(runs[2::2])
    return runs
