"""Regions of Label Studio's brush: masks to regions, and what was painted back to masks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np

from qa.review_masks import THRESHOLD, Mask

PERSON, NOT_PERSON = "person", "not person"
"""Labels of the brush. What is painted with the second, which only assisted projects have, is taken away from what was
painted before."""


class AnnotationError(ValueError):
    """An annotation is no decision. The message says what its reviewer has to do."""


def brush_of(mask: Mask) -> bytes:
    """Brush RLE of an `(H, W)` bool mask; b"" for an empty one."""
    from datasets.brush_rle import encode_mask  # its kernels take half a second to import

    return encode_mask(mask.astype(np.uint8) * 255) if mask.any() else b""


def brush_region(brush: bytes, width: int, height: int, label: str = PERSON) -> dict[str, Any]:
    """A region of Label Studio with the mask painted."""
    return {
        "id": label,
        "type": "brushlabels",
        "from_name": "mask",
        "to_name": "image",
        "original_width": width,
        "original_height": height,
        "image_rotation": 0,
        "value": {"format": "rle", "rle": list(brush), "brushlabels": [label]},
    }


def painted_mask(result: Sequence[Mapping[str, Any]], width: int, height: int) -> Mask | None:
    """`(height, width)` bool: brush regions laid over each other in their order; `not person` takes away.

    None where nothing was painted but what takes away: without a mask there is nothing to take it from.

    Raises:
        AnnotationError: a region is no brush mask of this size.
    """
    regions = brush_regions(result)
    mask = np.zeros((height, width), np.bool_)
    for region in regions:
        if NOT_PERSON in labels_of(region):
            mask &= ~region_mask(region, width, height)
        else:
            mask |= region_mask(region, width, height)
    return mask if any(NOT_PERSON not in labels_of(region) for region in regions) else None


def brush_regions(result: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """What was painted, in the order of the result."""
    return [region for region in result if region.get("type") == "brushlabels"]


def labels_of(region: Mapping[str, Any]) -> Sequence[str]:
    """The labels a brush region was painted with."""
    return list((region.get("value") or {}).get("brushlabels") or [])


def region_mask(region: Mapping[str, Any], width: int, height: int) -> Mask:
    """`(height, width)` bool: where a brush region covers more than half of a pixel. Errors as of `painted_mask`."""
    from datasets.brush_rle import BrushRleError, decode_mask

    size = region.get("original_width"), region.get("original_height")
    if size != (width, height):
        raise AnnotationError(
            f"the mask is {size[0]}x{size[1]}, the picture {width}x{height}: delete this annotation, and paint it anew"
        )
    value = region.get("value") or {}
    if "rle" not in value and "touches" not in value:
        raise AnnotationError("a region of the mask is no brush stroke: delete it, and paint with the brush")
    try:
        mask: Mask = np.zeros((height, width), np.bool_)
        if "rle" in value:
            mask = np.asarray(decode_mask(value["rle"], width, height) > THRESHOLD)
        return _touched(mask, value.get("touches") or [])
    except (BrushRleError, KeyError, TypeError, ValueError) as error:
        raise AnnotationError(
            f"the mask cannot be read ({error}): delete this annotation, and paint it anew"
        ) from error


def _touched(mask: Mask, touches: Sequence[Mapping[str, Any]]) -> Mask:
    """The mask after the strokes that a draft keeps beside (or without) its RLE, of brush and eraser, in their order.

    Points are in per cent of width and height, the stroke's width in per cent of the width; ends are round.
    """
    height, width = mask.shape
    found = mask.astype(np.uint8)
    for touch in touches:
        points = np.reshape(touch["relativePoints"], (-1, 2)) * (width / 100, height / 100)
        thickness = max(1, round(float(touch["relativeStrokeWidth"]) * width / 100))
        value = 0 if touch["type"] == "eraser" else 1
        cv2.polylines(found, [np.round(points * 16).astype(np.int32)], False, value, thickness, shift=4)
    return found > 0
