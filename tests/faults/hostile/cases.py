"""A case of bad input, the simplest makers of files, and short ways to write a case down."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from PIL import Image as Pillow

from datasets.images import Image
from datasets.video import write_video

ROWS = "rows"
"""The expected end of a file that becomes frames; any other is the reason of its Fail or Drop."""
GREEN, RED = (20, 160, 60), (200, 30, 40)
Maker = Callable[[Path], None]


@dataclass(frozen=True)
class Hostile:
    """One bad input.

    Attributes:
        name: of the case and of its folder.
        make: writes the case into the folder it is given.
        ends: every file that must be accounted for, relative to the folder, to `ROWS` or the reason it is lost for.
    """

    name: str
    make: Maker
    ends: dict[str, str]


def scene(seed: str, height: int = 48, width: int = 64) -> Image:
    """`(H, W, 3)` uint8 blocks of colour, other ones for every seed: equal files would be dropped as copies."""
    blocks = np.random.default_rng(zlib.crc32(seed.encode())).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(blocks, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)


def marked(height: int = 48, width: int = 64) -> Image:
    """`(H, W, 3)` green with a red top left quarter: shows how it was turned."""
    image = np.full((height, width, 3), GREEN, np.uint8)
    image[: height // 2, : width // 2] = RED
    return image


def raw_bytes(name: str, data: bytes, folder: Path) -> None:
    (folder / name).write_bytes(data)


def pillow(name: str, mode: str, folder: Path, **options: Any) -> None:
    """`marked` in one of Pillow's modes and a format that its name says."""
    image = Pillow.fromarray(marked()).convert(mode)
    image.save(folder / name, **options)


def film(
    name: str,
    images: Iterable[Any],
    folder: Path,
    *,
    codec: str = "libx264",
    source: str = "rgb24",
    pixels: str = "yuv420p",
    times: list[int] | None = None,
    muxer: str | None = None,
    options: dict[str, str] | None = None,
) -> None:
    """A video of the arrays, in any codec and pixel format; `times` in milliseconds instead of 25 frames a second."""
    with av.open(str(folder / name), "w", format=muxer, options=options or {}) as container:
        stream: Any = None
        for index, image in enumerate(images):
            if stream is None:
                settings = {"qp": "1", "bf": "0"} if codec == "libx264" else {}
                stream = container.add_stream(codec, rate=25, options=settings)
                stream.width, stream.height, stream.pix_fmt = image.shape[1], image.shape[0], pixels
                stream.thread_count = 1
                stream.codec_context.time_base = Fraction(1, 1000)
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format=source)
            frame.pts = times[index] if times else index * 40
            frame.time_base = Fraction(1, 1000)
            container.mux(stream.encode(frame))
        if stream is not None:
            container.mux(stream.encode())


def turned_film(name: str, rotation: int, folder: Path) -> None:
    write_video(folder / name, [marked()] * 4, fps=25, rotation=rotation)


def plain(name: str, folder: Path, count: int = 6) -> bytes:
    """A sound little video; its bytes."""
    write_video(folder / name, [scene(f"{folder.name}{name}")] * count, fps=25)
    return (folder / name).read_bytes()


def noisy(name: str, folder: Path, **options: Any) -> bytes:
    """A sound video of noise, one long group of pictures; its bytes."""
    rng = np.random.default_rng(zlib.crc32(folder.name.encode()))
    film(name, rng.integers(0, 256, (40, 48, 64, 3), dtype=np.uint8), folder, **options)
    return (folder / name).read_bytes()


def sound(name: str, folder: Path) -> None:
    """A second of silence."""
    with av.open(str(folder / name), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        for index in range(8):
            frame.pts = index * 1024
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def photo_case(name: str, make: Maker, end: str = ROWS, *, file: str = "photo.png") -> Hostile:
    return Hostile(name, make, {file: end})


def bytes_case(name: str, file: str, data: bytes, end: str) -> Hostile:
    return Hostile(name, partial(raw_bytes, file, data), {file: end})


def saved_case(name: str, file: str, mode: str, **options: Any) -> Hostile:
    return Hostile(name, partial(pillow, file, mode, **options), {file: ROWS})


def film_case(name: str, file: str, images: Iterable[Any], end: str = ROWS, **options: Any) -> Hostile:
    return Hostile(name, partial(film, file, list(images), **options), {file: end})


def case(name: str, file: str, make: Callable[..., object], *args: object, end: str = ROWS) -> Hostile:
    return Hostile(name, partial(make, *args) if args else make, {file: end})  # type: ignore[arg-type]
