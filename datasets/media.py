"""What counts as a video or a photo, and the error of a file that is neither."""

from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path

import cv2
import numpy as np

from datasets.image_size import image_size
from datasets.images import Image, decode_rgb

_VIDEO = "mp4 m4v mov mkv webm avi wmv flv mpg mpeg m2ts mts ts 3gp ogv mxf"
_PHOTO = "jpg jpeg png webp bmp tif tiff gif avif heic heif"  # what OpenCV cannot read shall fail by name
VIDEO_SUFFIXES = frozenset("." + name for name in _VIDEO.split())
PHOTO_SUFFIXES = frozenset("." + name for name in _PHOTO.split())

MAX_IMAGE_PIXELS = 2**28
"""16384 x 16384: more than any camera takes (200 megapixels), and 0.8 GB as RGB."""
MAX_IMAGE_BYTES = 3 * MAX_IMAGE_PIXELS
"""An image file is held in memory whole: as large as the largest image is without any compression."""


class MediaError(ValueError):
    """A footage file cannot be read.

    Attributes:
        reason: a slug to count by: `empty_file`, `not_a_video`, `no_video_stream`, `not_an_image`, `truncated`,
            `too_large`, `unreadable`, `bad_mask`.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES


def is_photo(path: Path) -> bool:
    return path.suffix.lower() in PHOTO_SUFFIXES


def natural_key(path: Path) -> tuple[tuple[int, int, str], ...]:
    """Sort key by name in which `frame2` comes before `frame10`."""
    parts = re.split(r"(\d+)", path.name)
    return tuple((1, int(part), part) if part.isdecimal() else (0, 0, part) for part in parts)


def read_photo(path: Path) -> Image:
    """`(H, W, 3)` uint8 RGB of a photo, turned upright by its EXIF orientation; 16-bit depth is reduced to 8.

    Raises:
        MediaError: `empty_file`, `not_an_image`, `too_large` or `truncated`.
    """
    data = read_image_file(path)
    try:
        return decode_rgb(data)
    except (ValueError, cv2.error) as error:
        raise MediaError("not_an_image", f"{path}: OpenCV cannot decode this image ({error}); convert it") from error


def read_image_file(path: Path) -> bytes:
    """The bytes of an image file that is whole and fits in memory when decoded.

    Raises:
        MediaError: `empty_file`, `truncated`; `too_large`: the file is longer than `MAX_IMAGE_BYTES`, or its header
            announces more than `MAX_IMAGE_PIXELS`; `not_an_image`: its header is of no format that says how large.
    """
    if path.stat().st_size > MAX_IMAGE_BYTES:
        raise MediaError("too_large", f"{path}: an image file of more than {MAX_IMAGE_BYTES} bytes; save it smaller")
    data = path.read_bytes()
    if not data:
        raise MediaError("empty_file", f"{path}: the file is empty; copy it again")
    if _is_cut_off(data):
        raise MediaError("truncated", f"{path}: the image ends before its end marker; copy it again")
    size = image_size(data)
    if size is None:
        raise MediaError("not_an_image", f"{path}: no JPEG, PNG, GIF, BMP, WebP, TIFF or AVIF; convert or remove it")
    if size[0] * size[1] > MAX_IMAGE_PIXELS:
        raise MediaError(
            "too_large",
            f"{path}: announces {size[0]}x{size[1]} pixels, more than {MAX_IMAGE_PIXELS}; make it smaller or remove it",
        )
    return data


def why_unreadable(path: Path) -> str | None:
    """Why no bytes can be read at `path`, and the cure; None for a file that can be read. Never blocks.

    A pipe or a device is no footage: reading one would wait forever, or never end.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        if error.errno == errno.ELOOP:
            return "a link that leads back to itself; remove it"
        if error.errno == errno.ENOENT and path.is_symlink():
            return f"a link to {path.readlink()}, where nothing is; put the file there or remove the link"
        return f"cannot be found ({error.strerror}); correct its name, or give the right to read its folder"
    if stat.S_ISREG(mode):
        return None if os.access(path, os.R_OK) else "may not be read; give the right to read it, or remove it"
    if not stat.S_ISDIR(mode):
        return "a pipe, socket or device, not a file; remove it"
    if path.is_symlink():
        return "a link to a folder, which is not searched; move the folder here or remove the link"
    if not os.access(path, os.R_OK | os.X_OK):
        return "a folder that cannot be searched; give the right to read it, or remove it"
    return "a folder without footage that is named like a file; remove it or put the file in its place"


def fit(image: Image, longest_side: int) -> Image:
    """The image with its longer side at most `longest_side`, averaged down by area, never enlarged."""
    height, width = image.shape[:2]
    scale = longest_side / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _is_cut_off(data: bytes) -> bool:
    """Whether a JPEG or PNG lacks its end marker: OpenCV would silently fill the rest with grey."""
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return b"IEND" not in data
    if not data.startswith(b"\xff\xd8"):
        return False
    # Walk the headers first: a thumbnail inside them has an end marker of its own.
    position = 2
    while position + 4 <= len(data) and data[position] == 0xFF and data[position + 1] != 0xDA:
        position += 2 + int.from_bytes(data[position + 2 : position + 4], "big")
    return b"\xff\xd9" not in data[position:]
