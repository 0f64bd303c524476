"""A frame as a task of Label Studio: its pictures in the folder that is served, its words, its pre-annotation."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from datasets.images import Image, decode_grey, decode_rgb, encode_jpeg, reduction_to
from datasets.reviews import label_digest
from datasets.schema import FrameRow, QualityRow
from pipeline.review.access import FOLDER, Access
from pipeline.review.interface import ERRORS, prediction
from pipeline.review.queue import FrameKey, Shown
from pipeline.review.regions import brush_of
from qa.review_masks import shown_mask

SERVED = "autoroto"
"""Folder of the frames in the one that Label Studio serves."""
LABELS = FOLDER / "labels"
"""Alphas as they were shown, by their digests: what a reviewer did not touch gets its softness back from there."""
LONG, SHORT = 1920, 1080
"""Sides that a frame is shown at, at most."""
NEIGHBOUR = 640
"""Longest side of the frame before and of the one after."""
_GAP = 8


@dataclass(frozen=True)
class Task:
    """A task to be: what Label Studio keeps as its data, and the brush RLE of its pre-annotation."""

    key: FrameKey
    data: Mapping[str, Any]
    brush: bytes
    score: float

    @property
    def prediction(self) -> dict[str, Any]:
        """The pre-annotation, as Label Studio wants it."""
        return prediction(self.brush, self.data["width"], self.data["height"], self.score)


class TaskMaker:
    """Writes what a frame needs to be shown, and says what its task holds. The same frame gives the same task."""

    def __init__(self, root: Path, access: Access) -> None:
        self._root = root
        self._folder = Path(access.served) / SERVED

    def make(self, shown: Shown, *, drawn: bool, doubtful_below: float) -> Task:
        """Write the frame, its neighbours and its alpha; `drawn`: it is in the audit's sample."""
        frame, label, quality = shown.frame, shown.label, shown.quality
        picture, (width, height) = _picture(frame)
        digest = label_digest(label.alpha)
        _place(self._root / LABELS / digest[:2] / f"{digest}.png", label.alpha)
        context = encode_jpeg(_context(shown.before, shown.after), quality=85)
        data = {
            "key": key_text(frame.frame_key),
            "image": self._serve(frame, picture, "frame"),
            "context": self._serve(frame, context, "context"),
            "name": _name(shown),
            "reason": reason(quality, drawn=drawn, doubtful_below=doubtful_below),
            "error": quality.error,
            "gain": f"{quality.signals.get('review_gain', 0.0):09.4f}",
            "quality": f"{quality.quality:.4f}",
            "label": digest,
            "width": width,
            "height": height,
            "source_width": frame.source_width,
            "source_height": frame.source_height,
        }
        brush = brush_of(shown_mask(decode_grey(label.alpha), width, height))
        return Task(frame.frame_key, data, brush, quality.quality)

    def _serve(self, frame: FrameRow, picture: bytes, what: str) -> str:
        """Place a picture by what it shows and by its bytes, and return the address Label Studio serves it at."""
        suffix = "png" if picture.startswith(b"\x89PNG") else "jpg"
        content = hashlib.sha256(picture).hexdigest()[:12]
        name = f"{frame.source[:2]}/{frame.source[:24]}-{frame.time_us}-{what}-{content}.{suffix}"
        _place(self._folder / name, picture)
        return f"/data/local-files/?d={SERVED}/{name}"


def key_text(key: FrameKey) -> str:
    """The review key: SHA-256 of the source and time in microseconds. No code change and no new label alters it."""
    return f"{key[0]}:{key[1]}"


def key_of(data: Mapping[str, Any]) -> FrameKey | None:
    """The frame that a task is about; None where the task is none of ours."""
    source, _, time_us = str(data.get("key", "")).rpartition(":")
    return (source, int(time_us)) if source and time_us.isdecimal() else None


def reason(quality: QualityRow, *, drawn: bool, doubtful_below: float) -> str:
    """Why a person is asked, in words."""
    sentences = []
    if drawn:
        sentences.append("Drawn at random for the audit: decide on it whether or not something looks wrong.")
    if quality.quality < doubtful_below:
        what = ERRORS.get(quality.error, "the label is doubtful")
        where = f", {place_of(quality.error_box)}" if quality.error_box else ""
        sentences.append(f"{what[0].upper()}{what[1:]}{where}.")
    elif not drawn:
        sentences.append("Its label is not doubtful any more.")
    sentences.append(f"Quality {quality.quality:.2f}.")
    if quality.scenarios:
        sentences.append(f"Scene: {', '.join(name.replace('_', ' ') for name in quality.scenarios)}.")
    return " ".join(sentences)


def place_of(box: list[float]) -> str:
    """Where a box (fractions of the frame) lies, in words.

    >>> place_of([0.0, 0.0, 0.2, 0.2]), place_of([0.6, 0.4, 1.0, 0.6]), place_of([0.1, 0.1, 0.9, 0.9])
    ('at the top left', 'at the right', 'in the middle')
    """
    across = _third(box[0], box[2], ("left", "", "right"))
    down = _third(box[1], box[3], ("top", "", "bottom"))
    words = " ".join(word for word in (down, across) if word)
    return f"at the {words}" if words else "in the middle"


def _name(shown: Shown) -> str:
    """What the frame is called; a photo has no time."""
    frame = shown.frame
    alone = frame.time_us == 0 and shown.before is None and shown.after is None
    return frame.path if alone else f"{frame.path} at {frame.time_us / 1e6:.2f} s"


def _third(start: float, end: float, names: tuple[str, str, str]) -> str:
    return names[min(2, int(3 * (start + end) / 2))]


def _picture(frame: FrameRow) -> tuple[bytes, tuple[int, int]]:
    """The frame as it is stored, or smaller where it is beyond 1080p; and its size."""
    long, short = max(frame.width, frame.height), min(frame.width, frame.height)
    scale = min(1.0, LONG / long, SHORT / short)
    if scale == 1.0:
        return frame.image, (frame.width, frame.height)
    size = max(1, round(scale * frame.width)), max(1, round(scale * frame.height))
    smaller = cv2.resize(decode_rgb(frame.image), size, interpolation=cv2.INTER_AREA)
    return encode_jpeg(np.asarray(smaller, np.uint8)), size


def _context(before: FrameRow | None, after: FrameRow | None) -> Image:
    """`(H, W, 3)` the two neighbours beside each other; grey where there is none."""
    pictures = [_small(frame) if frame is not None else None for frame in (before, after)]
    height = max((picture.shape[0] for picture in pictures if picture is not None), default=NEIGHBOUR // 4)
    width = max((picture.shape[1] for picture in pictures if picture is not None), default=NEIGHBOUR)
    strip = np.full((height, 2 * width + _GAP, 3), 128, np.uint8)
    for place, picture in zip((0, width + _GAP), pictures, strict=True):
        if picture is not None:
            strip[: picture.shape[0], place : place + picture.shape[1]] = picture
    return strip


def _small(frame: FrameRow) -> Image:
    scale = min(1.0, NEIGHBOUR / max(frame.width, frame.height))
    picture = decode_rgb(frame.image, reduction=reduction_to(frame.width, frame.height, 1 / scale))
    size = max(1, round(scale * frame.width)), max(1, round(scale * frame.height))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _place(path: Path, data: bytes) -> None:
    """Write a file whole or not at all; its name says what is in it, so one that is there stays."""
    if path.exists() and path.stat().st_size == len(data):
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    unfinished.write_bytes(data)
    unfinished.rename(path)
