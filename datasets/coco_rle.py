"""COCO's compressed RLE of a mask, through pycocotools: runs down the columns, as a short string."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    """`(H, W)` uint8 of zeros and ones from an RLE whose counts are a string.

    Raises:
        CocoRleError: the size or the counts are damaged. pycocotools alone fills up with zeros where runs are missing.
    """
    from pycocotools import mask as coco

    try:
        (height, width), counts = map(int, rle["size"]), rle["counts"]
        code = {"size": [height, width], "counts": counts.encode("ascii") if isinstance(counts, str) else bytes(counts)}
        mask = np.asarray(coco.decode(code), np.uint8)
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise CocoRleError(f"not a COCO RLE with size [H, W] and counts ({error!r})") from error
    # what is whole is, but for runs of no length, what the encoder makes of its mask
    if code["counts"] != coco.encode(np.asfortranarray(mask))["counts"]:
        pixels = sum(_runs(code["counts"]))
        if pixels != height * width:
            raise CocoRleError(f"COCO RLE of {pixels} pixels, its size is {height}x{width}: it is cut off or damaged")
    return mask


def _runs(counts: bytes) -> list[int]:
    """Lengths of the runs: 5 bits a character from 48 on, the 6th bit says "more"; from the third run on, differences
    from the run before the last one (`rleFrString` of the COCO API)."""
    runs: list[int] = []
    value = shift = 0
    for char in counts:
        bits = char - 48
        value |= (bits & 31) << shift
        shift += 5
        if not bits & 32:
            value -= (1 << shift) if bits & 16 else 0
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value = shift = 0
    return runs
