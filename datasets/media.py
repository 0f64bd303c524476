"""What counts as a video or a photo, and the error of a file that is neither."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np

from datasets.images import Image, decode_rgb

_VIDEO = "mp4 m4v mov mkv webm avi wmv flv mpg mpeg m2ts mts ts 3gp ogv mxf"
_PHOTO = "jpg jpeg png webp bmp tif tiff gif avif heic heif"  # what OpenCV cannot read shall fail by name
VIDEO_SUFFIXES = frozenset("." + name for name in _VIDEO.split())
PHOTO_SUFFIXES = frozenset("." + name for name in _PHOTO.split())


class MediaError(ValueError):
    """A footage file cannot be read.

    Attributes:
        reason: a slug to count by: `empty_file`, `not_a_video`, `no_video_stream`, `not_an_image`, `truncated`,
            `bad_mask`.
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
        MediaError: `empty_file`, `not_an_image` or `truncated`.
    """
    data = path.read_bytes()
    if not data:
        raise MediaError("empty_file", f"{path}: the file is empty; copy it again")
    if _is_cut_off(data):
        raise MediaError("truncated", f"{path}: the image ends before its end marker; copy it again")
    try:
        return decode_rgb(data)
    except (ValueError, cv2.error) as error:
        raise MediaError("not_an_image", f"{path}: OpenCV cannot decode this image ({error}); convert it") from error


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
