"""Masks that came with footage: a folder of PNGs, one PNG, or a COCO JSON file."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.coco_rle import decode_coco
from datasets.images import Grey, decode_grey
from datasets.media import MAX_IMAGE_PIXELS, MediaError, natural_key, read_image_file

Masks = Callable[[str, int], Grey | None]
"""`(frame name, frame index)` to the frame's mask `(H, W)` uint8, 255 = person, or None where it has none."""

TIME_NAME = re.compile(r"\d{12}")
"""A video's frames are named by their time in microseconds, padded to twelve digits."""


def open_masks(path: Path, *, ordered: bool) -> Masks:
    """Open the masks at `path` (a folder, a PNG, a COCO JSON file).

    A mask belongs to the image of the same stem. For a video (`ordered`), masks are named by the frame's time in
    microseconds, twelve digits long; else, sorted by name, the k-th mask belongs to the k-th frame. Values 0/1 are
    stretched to 0/255. COCO: annotations of an image are united; those of a category `person`, if there is one.

    Raises:
        MediaError: `bad_mask`; also when a mask is read that cannot be.
    """
    if path.is_dir():
        files = sorted((p for p in path.iterdir() if p.suffix.lower() == ".png" and p.is_file()), key=natural_key)
        return _lookup([p.stem for p in files], lambda index: read_mask(files[index]), ordered=ordered)
    if path.suffix.lower() == ".json" and path.is_file():
        return _open_coco(path, ordered=ordered)
    if path.is_file():
        return lambda name, index: read_mask(path) if index == 0 else None
    raise MediaError("bad_mask", f"{path}: there are no masks here; correct `masks:` in the sidecar")


def mask_files(path: Path, stem: str | None = None) -> list[Path]:
    """The files that `open_masks(path)` reads; for a photo's `stem`, only those that concern it."""
    if not path.is_dir():
        return [path] if path.is_file() else []
    files = [path / f"{stem}.png"] if stem is not None else path.iterdir()
    return sorted(p for p in files if p.suffix.lower() == ".png" and p.is_file())


def read_mask(path: Path) -> Grey:
    """`(H, W)` uint8 mask, 255 = person; a mask of zeros and ones is stretched.

    Raises:
        MediaError: `bad_mask`.
    """
    try:
        return _stretched(decode_grey(read_image_file(path)))
    except MediaError as error:
        raise MediaError("bad_mask", f"mask {error}") from error
    except (ValueError, OSError, cv2.error) as error:
        raise MediaError("bad_mask", f"{path}: {error}; write the mask again as 8-bit grey PNG") from error


def _lookup(stems: list[str], read: Callable[[int], Grey], *, ordered: bool) -> Masks:
    if ordered and not all(TIME_NAME.fullmatch(stem) for stem in stems):
        return lambda name, index: read(index) if index < len(stems) else None
    places = {stem: place for place, stem in enumerate(stems)}
    return lambda name, index: read(places[name]) if name in places else None


def _open_coco(path: Path, *, ordered: bool) -> Masks:
    try:
        data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        images = sorted(data["images"], key=lambda image: natural_key(Path(image["file_name"])))
        people = {category["id"] for category in data.get("categories", []) if category["name"] == "person"}
        shapes: dict[int, list[Any]] = {}
        for annotation in data["annotations"]:
            if not people or annotation["category_id"] in people:
                shapes.setdefault(annotation["image_id"], []).append(annotation["segmentation"])
    except (ValueError, KeyError, TypeError, AttributeError, OSError, RecursionError) as error:
        raise MediaError("bad_mask", f"{path}: not a COCO annotation file ({error!r}); export it again") from error

    def read(index: int) -> Grey:
        image = images[index]
        height, width = image["height"], image["width"]
        if min(height, width) < 1 or height * width > MAX_IMAGE_PIXELS:
            raise MediaError("bad_mask", f"{path}: an image of {width}x{height} pixels; give its true size")
        union = np.zeros((height, width), np.uint8)
        for shape in shapes.get(image["id"], []):
            union |= _decode_shape(path, shape, height, width)
        return union * 255

    return _lookup([Path(image["file_name"]).stem for image in images], read, ordered=ordered)


def _decode_shape(path: Path, shape: Any, height: int, width: int) -> NDArray[np.uint8]:
    """0/1 mask of a COCO segmentation: polygons, or RLE, compressed or not."""
    from pycocotools import mask as coco  # only footage with COCO masks needs it

    try:
        if isinstance(shape, list):
            decoded = np.asarray(coco.decode(coco.merge(coco.frPyObjects(shape, height, width))), np.uint8)
        else:
            decoded = decode_coco(shape)
    except (ValueError, KeyError, TypeError) as error:
        raise MediaError("bad_mask", f"{path}: a segmentation is neither polygons nor RLE ({error!r})") from error
    if decoded.shape != (height, width):
        raise MediaError("bad_mask", f"{path}: an RLE is {decoded.shape}, its image {(height, width)}")
    return decoded


def _stretched(mask: Grey) -> Grey:
    return np.asarray(mask * 255 if mask.max(initial=0) == 1 else mask, np.uint8)
