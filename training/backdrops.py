"""What goes behind a person: the scene itself blurred, a colour, a picture, or a video that runs along."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.images import Grey, Image
from datasets.media import is_video, read_photo
from datasets.video import VideoFrame, decode

Backdrop = Callable[[Image, Grey, int], Image]
"""What goes behind a frame `(H, W, 3)` uint8 RGB, of its size, given its alpha `(H, W)` uint8 and its time in
microseconds. Times must not fall."""

KINDS = "a picture's or a video's path, `blur`, `blur:STRENGTH` (1-100) or a colour `#rrggbb`"
SHRUNK = 4
"""Blurs are made at a fourth of the size: the same look at a fraction of the time."""
LAST_FRAME_US = 40_000
"""How long the only frame of a video stands."""


def backdrop(background: str) -> Backdrop:
    """What `background` names: `blur`, `blur:STRENGTH`, a colour `#rrggbb`, or the path of a picture or a video.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: a blur's strength is out of range.
        MediaError: the file cannot be read.
    """
    blur = re.fullmatch(r"blur(?::(\d+))?", background)
    if blur:
        return blurred(int(blur[1] or 30))
    if re.fullmatch(r"#[0-9a-fA-F]{6}", background):
        colour = np.array(list(bytes.fromhex(background[1:])), np.uint8)
        return lambda image, alpha, time_us: np.broadcast_to(colour, image.shape)
    path = Path(background)
    if not path.is_file():
        raise FileNotFoundError(f"{background}: no such picture or video; a background is {KINDS}")
    return MovingBackdrop(path) if is_video(path) else pictured(read_photo(path))


def blurred(strength: int) -> Backdrop:
    """The frame itself, blurred by a Gaussian of `strength` thousandths of its width, without the person's colours.

    The person is weighed out of the blur (a normalised convolution): otherwise a halo of it would shine round its edge.

    Raises:
        ValueError: the strength is not 1-100.
    """
    if not 1 <= strength <= 100:
        raise ValueError(f"blur:{strength}: expected a strength of 1-100")

    def behind(image: Image, alpha: Grey, time_us: int) -> Image:
        height, width = image.shape[:2]
        size = (max(width // SHRUNK, 1), max(height // SHRUNK, 1))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        # A trace of weight everywhere: deep inside a person larger than the blur there is nothing else.
        share = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA).astype(np.float32)
        weight = np.float32(1.001) - share * np.float32(1 / 255)
        sigma = strength / 1000 * width / SHRUNK + 0.1
        total = _gauss(small * weight[..., None], sigma)
        soft = np.divide(total, _gauss(weight, sigma)[..., None], dtype=np.float32)
        return np.asarray(cv2.resize(_bytes(soft), (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)

    return behind


def pictured(picture: Image) -> Backdrop:
    """The same picture `(h, w, 3)` behind every frame, see `cover`."""
    fitted: dict[tuple[int, int], Image] = {}

    def behind(image: Image, alpha: Grey, time_us: int) -> Image:
        size = (image.shape[0], image.shape[1])
        if size not in fitted:
            fitted.clear()
            fitted[size] = cover(picture, size)
        return fitted[size]

    return behind


class MovingBackdrop:
    """A video behind the frames at its own speed, begun anew when it ends; one of its frames is in memory.

    Raises:
        MediaError: the video cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._frames = decode(path)
        self._now = next(self._frames)
        self._next = next(self._frames, None)
        self._offset = 0
        self._step = LAST_FRAME_US if self._next is None else self._next.time_us - self._now.time_us
        self._fitted: tuple[VideoFrame, Image] | None = None

    def __call__(self, image: Image, alpha: Grey, time_us: int) -> Image:
        """The frame that is on at `time_us`, covering a picture of `image`'s size."""
        while self._ends() <= time_us:
            self._advance()
        size = (image.shape[0], image.shape[1])
        if self._fitted is None or self._fitted[0] is not self._now or self._fitted[1].shape[:2] != size:
            self._fitted = (self._now, cover(self._now.rgb(), size))
        return self._fitted[1]

    def _ends(self) -> int:
        return self._offset + (self._now.time_us + self._step if self._next is None else self._next.time_us)

    def _advance(self) -> None:
        if self._next is None:
            self._offset = self._ends()
            self._frames = decode(self._path)
            self._now = next(self._frames)
        else:
            self._step = self._next.time_us - self._now.time_us
            self._now = self._next
        self._next = next(self._frames, None)


def cover(picture: Image, size: tuple[int, int]) -> Image:
    """The middle of `picture`, scaled to fill `size` (height, width) without distortion."""
    height, width = size
    scale = max(height / picture.shape[0], width / picture.shape[1])
    rows, columns = min(round(height / scale), picture.shape[0]), min(round(width / scale), picture.shape[1])
    top, left = (picture.shape[0] - rows) // 2, (picture.shape[1] - columns) // 2
    cropped = picture[top : top + rows, left : left + columns]
    mode = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(cropped, (width, height), interpolation=mode), dtype=np.uint8)


def composite(image: Image, alpha: Grey, behind: Image) -> Image:
    """`alpha * image + (1 - alpha) * behind`: `(H, W, 3)`, `(H, W)`, `(H, W, 3)`, all uint8."""
    weight = alpha[..., None].astype(np.uint16)
    return ((image * weight + behind * (255 - weight) + 127) // 255).astype(np.uint8)


def _gauss(values: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    return np.asarray(cv2.GaussianBlur(values, (0, 0), sigma), dtype=np.float32)


def _bytes(values: NDArray[np.float32]) -> Image:
    return np.asarray(np.rint(np.clip(values, 0, 255)), dtype=np.uint8)
