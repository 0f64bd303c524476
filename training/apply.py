"""Put the student to its use: a video with its background exchanged, blurred or coloured."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from datasets.images import Grey, Image
from datasets.media import read_photo
from datasets.video import decode, probe, write_video
from training.runtime import Student

Backdrop = Callable[[Image], Image]
"""Makes the `(H, W, 3)` uint8 RGB picture that goes behind a frame of the same size."""

FALLBACK_FPS = 25.0


def apply(
    *,
    video: Path,
    student: Path,
    background: str,
    out: Path,
    threads: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Composite the people of `video` on another background and write `out` (without sound); returns the frames.

    Args:
        student: the ONNX file that `export` wrote.
        background: see `backdrop`.
        progress: called with (frames done, frames expected; 0 when unknown).

    Raises:
        MediaError: the video cannot be read.
        FileNotFoundError: the student or the background picture is missing.
        ValueError: the background is neither a picture, `blur` nor a colour.
    """
    behind = backdrop(background)
    model = Student(student, threads=threads)
    info = probe(video)
    fps = info.fps or FALLBACK_FPS
    expected = round(info.duration_us / 1e6 * fps)

    def frames() -> Iterator[Image]:
        for index, frame in enumerate(decode(video)):
            image = frame.rgb()
            yield composite(image, model(image), behind(image))
            if progress is not None:
                progress(index + 1, expected)

    return write_video(out, frames(), fps=fps)


def composite(image: Image, alpha: Grey, behind: Image) -> Image:
    """`alpha * image + (1 - alpha) * behind`: `(H, W, 3)`, `(H, W)`, `(H, W, 3)`, all uint8."""
    weight = alpha[..., None].astype(np.uint16)
    return ((image * weight + behind * (255 - weight) + 127) // 255).astype(np.uint8)


def backdrop(background: str) -> Backdrop:
    """What `background` names: `blur` or `blur:STRENGTH` (1-100), a colour `#rrggbb`, or the path of a picture.

    Raises:
        FileNotFoundError: there is no such picture.
        ValueError: a blur's strength is out of range.
    """
    blur = re.fullmatch(r"blur(?::(\d+))?", background)
    if blur:
        return _blurred(int(blur[1] or 30))
    if re.fullmatch(r"#[0-9a-fA-F]{6}", background):
        colour = np.array(list(bytes.fromhex(background[1:])), np.uint8)
        return lambda image: np.broadcast_to(colour, image.shape)
    path = Path(background)
    if not path.is_file():
        raise FileNotFoundError(
            f"{background}: no such picture; a background is a picture's path, `blur`, `blur:STRENGTH` or `#rrggbb`"
        )
    return _picture(read_photo(path))


def _blurred(strength: int) -> Backdrop:
    if not 1 <= strength <= 100:
        raise ValueError(f"blur:{strength}: expected a strength of 1-100")

    def blurred(image: Image) -> Image:
        height, width = image.shape[:2]
        # Blurred small and enlarged: the same look at a fraction of the time.
        small = cv2.resize(image, (max(width // 4, 1), max(height // 4, 1)), interpolation=cv2.INTER_AREA)
        soft = cv2.GaussianBlur(small, (0, 0), strength / 1000 * width / 4 + 0.1)
        return np.asarray(cv2.resize(soft, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)

    return blurred


def _picture(picture: Image) -> Backdrop:
    fitted: dict[tuple[int, int], Image] = {}

    def behind(image: Image) -> Image:
        size = (image.shape[0], image.shape[1])
        if size not in fitted:
            fitted.clear()
            fitted[size] = cover(picture, size)
        return fitted[size]

    return behind


def cover(picture: Image, size: tuple[int, int]) -> Image:
    """The middle of `picture`, scaled to fill `size` (height, width) without distortion."""
    height, width = size
    scale = max(height / picture.shape[0], width / picture.shape[1])
    rows, columns = min(round(height / scale), picture.shape[0]), min(round(width / scale), picture.shape[1])
    top, left = (picture.shape[0] - rows) // 2, (picture.shape[1] - columns) // 2
    cropped = picture[top : top + rows, left : left + columns]
    mode = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(cropped, (width, height), interpolation=mode), dtype=np.uint8)
