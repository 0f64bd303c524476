"""Put the student to its use: a video or a photo with its background blurred, coloured or exchanged."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from datasets.images import Image, encode_jpeg, encode_png
from datasets.media import is_photo, read_photo
from datasets.store import write_atomically
from datasets.video import decode, probe, write_video
from training.backdrops import Backdrop, backdrop, composite
from training.live import Live, LiveConfig

FALLBACK_FPS = 25.0
PHOTO_SUFFIXES = (".png", ".jpg", ".jpeg")
VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv")
"""Containers that H.264 is written into."""


@dataclass(frozen=True)
class Applied:
    """What was done: frames written, frames that the student looked at, and shots that began."""

    frames: int
    inferred: int
    shots: int


def apply(
    *,
    source: Path,
    student: Path,
    background: str,
    out: Path,
    config: LiveConfig | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Applied:
    """Composite the people of a video or a photo on another background and write `out` (a video without its sound).

    `out` is written beside its place and moved there when it is whole.

    Args:
        student: the ONNX file that `export` wrote.
        background: see `training.backdrops.backdrop`.
        progress: called with (frames done, frames expected; 0 when unknown).

    Raises:
        MediaError: the source or the background cannot be read.
        FileNotFoundError: the student, the source or the background is missing.
        ValueError: `out` is the source or the background, or of a kind that cannot be written.
    """
    if not source.is_file():
        raise FileNotFoundError(f"{source}: no such video or photo; check the path")
    if out.exists() and any(out.samefile(read) for read in (source, Path(background)) if read.exists()):
        raise ValueError(
            f"{out}: would replace the footage or the background that is read; name another file with --out"
        )
    photo = is_photo(source)
    _check_suffix(source, out, PHOTO_SUFFIXES if photo else VIDEO_SUFFIXES)
    behind = backdrop(background)
    live = Live(student, config)
    out.parent.mkdir(parents=True, exist_ok=True)
    if photo:
        _write_photo(out, _composited(read_photo(source), 0, live, behind))
        if progress is not None:
            progress(1, 1)
    else:
        _write_video(source, out, live, behind, progress)
    return Applied(live.frames, live.inferred, live.cuts)


def _check_suffix(source: Path, out: Path, known: tuple[str, ...]) -> None:
    if out.suffix.lower() not in known:
        kind = "photo" if known is PHOTO_SUFFIXES else "video"
        raise ValueError(f"{out}: {source.name} is a {kind}; name a file that ends in {', '.join(known)}")


def _composited(image: Image, time_us: int, live: Live, behind: Backdrop) -> Image:
    alpha = live(image)
    return composite(image, alpha, behind(image, alpha, time_us))


def _write_photo(out: Path, image: Image) -> None:
    write_atomically(out, encode_png(image) if out.suffix.lower() == ".png" else encode_jpeg(image))


def _write_video(
    source: Path, out: Path, live: Live, behind: Backdrop, progress: Callable[[int, int], None] | None
) -> None:
    info = probe(source)
    fps = info.fps or FALLBACK_FPS
    expected = round(info.duration_us / 1e6 * fps)

    def frames() -> Iterator[Image]:
        for index, frame in enumerate(decode(source)):
            yield _composited(frame.rgb(), frame.time_us, live, behind)
            if progress is not None:
                progress(index + 1, expected)

    part = out.with_name(f".{out.stem}.{uuid.uuid4().hex[:8]}{out.suffix}")
    try:
        write_video(part, frames(), fps=fps)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
