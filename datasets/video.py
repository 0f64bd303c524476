"""Video files: frames by timestamp with bounded memory, and a small H.264 writer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import av.error
import av.logging
import cv2
import numpy as np
from av.video.reformatter import Colorspace

from datasets.images import Image
from datasets.media import MediaError, fit

MICROSECONDS = 1_000_000
HD_HEIGHT = 720
"""Untagged video this high or higher is taken for BT.709, lower for BT.601: the convention of players."""
_UNTAGGED = 2  # AVCOL_SPC_UNSPECIFIED
MAX_TIME_US = 2**53
"""285 years; a frame said to be later has a broken timestamp, which may not even fit into 64 bits."""
MAX_FRAME_PIXELS = 2**26
"""8192 x 8192: beyond 8K and VR footage. A decoder holds up to 17 frames, so one file may not ask for more."""
_LIMITS = {"max_pixels": str(MAX_FRAME_PIXELS)}
_TOO_LARGE = "exceeds specified max pixel count"
_PLAYLISTS = {"concat", "dash", "hls", "image2", "imf", "sdp"}
"""Formats that name other files: what they lead to is not in the file's digest, and may lie anywhere."""
_CONTAINER_MARKS = ((4, b"ftyp"), (0, b"\x1aE\xdf\xa3"), (0, b"RIFF"))


@dataclass(frozen=True)
class VideoInfo:
    """What a container says of its first video stream.

    Attributes:
        width, height: in pixels, upright (after rotation).
        rotation: quarter turns counter-clockwise, 0-3, that turn a stored frame upright.
        fps: average frame rate; 0.0 when unknown. duration_us: 0 when unknown.
    """

    width: int
    height: int
    rotation: int
    fps: float
    duration_us: int


@dataclass(frozen=True)
class VideoFrame:
    """A decoded frame whose pixels are converted only when asked for: most frames are looked at small, or not at all.

    Attributes:
        time_us: presentation time in microseconds since the video's first frame.
    """

    time_us: int
    _frame: av.VideoFrame

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, upright."""
        width, height = self._frame.width, self._frame.height
        return (height, width) if _quarter_turns(self._frame) % 2 else (width, height)

    def rgb(self, longest_side: int | None = None) -> Image:
        """`(H, W, 3)` uint8 RGB, upright, at most `longest_side` pixels on the longer side."""
        pixels = self._convert(self._frame.width, self._frame.height)
        return pixels if longest_side is None else fit(pixels, longest_side)

    def thumbnail(self, longest_side: int) -> Image:
        """`(h, w, 3)` uint8 RGB, upright, quick and rough: for comparing frames, not for keeping."""
        scale = min(1.0, longest_side / max(self._frame.width, self._frame.height))
        return self._convert(max(1, round(self._frame.width * scale)), max(1, round(self._frame.height * scale)))

    def _convert(self, width: int, height: int) -> Image:
        colours: Any = self._frame.colorspace
        if colours == _UNTAGGED:
            colours = Colorspace.ITU709 if self._frame.height >= HD_HEIGHT else Colorspace.ITU601
        rough = "AREA" if width < self._frame.width else None
        frame = self._frame.reformat(width, height, "rgb24", src_colorspace=colours, interpolation=rough, threads=1)
        return np.ascontiguousarray(np.rot90(frame.to_ndarray(), _quarter_turns(self._frame)))


def probe(path: Path) -> VideoInfo:
    """What the container and the first frame say, without decoding the rest.

    Raises:
        MediaError: as `decode`.
    """
    with _open(path) as container:
        stream = container.streams.video[0]
        first = next(_frames(path, container))
        turns = _quarter_turns(first)
        width, height = (first.height, first.width) if turns % 2 else (first.width, first.height)
        duration = 0
        if stream.duration and stream.time_base:
            duration = round(stream.duration * stream.time_base * MICROSECONDS)
        elif container.duration:
            duration = int(container.duration)
        return VideoInfo(width, height, turns, float(stream.average_rate or 0), duration)


def decode(path: Path) -> Iterator[VideoFrame]:
    """Frames of the first video stream in presentation order, one in memory at a time, on one thread.

    Times are strictly rising: a frame that repeats its predecessor's timestamp or is ages away is left out, a
    missing timestamp is taken from the frame rate. A file that breaks off yields the frames before the break.

    Raises:
        MediaError: `empty_file`, `not_a_video`, `no_video_stream`; when not one frame can be read `too_large` or
            `truncated`.
    """
    with _open(path) as container:
        rate = container.streams.video[0].average_rate or Fraction(25)
        start: int | None = None
        last = -1
        for frame in _frames(path, container):
            if frame.pts is None or frame.time_base is None:
                time = last + round(MICROSECONDS / rate) if start is not None else 0
            else:
                absolute = round(frame.pts * frame.time_base * MICROSECONDS)
                start = absolute if start is None else start
                time = absolute - start
            start = 0 if start is None else start
            if last < time <= MAX_TIME_US:
                last = time
                yield VideoFrame(time, frame)


def read_frames(path: Path, *, longest_side: int | None = None) -> Iterator[tuple[int, Image]]:
    """`(time_us, rgb)` of every frame, see `decode`."""
    for frame in decode(path):
        yield frame.time_us, frame.rgb(longest_side)


def write_video(path: Path, frames: Iterable[Image], *, fps: float | Fraction, crf: int = 18, rotation: int = 0) -> int:
    """Write RGB frames `(H, W, 3)` uint8 as H.264 in the container of `path`'s suffix; returns how many.

    An odd last row or column is repeated, since H.264 stores chroma at half the size. `rotation` (degrees
    counter-clockwise) goes into the display matrix only.

    Raises:
        ValueError: no frames, or a frame of another size than the first.
    """
    rate = Fraction(fps).limit_denominator(65535)
    count = 0
    with av.open(str(path), "w") as container:
        stream: Any = None
        for image in frames:
            height, width = image.shape[:2]
            if stream is None:
                stream = container.add_stream("libx264", rate=rate, options={"crf": str(crf), "preset": "veryfast"})
                stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
                stream.thread_count = 1
                if rotation:
                    stream.set_display_rotation(rotation)
                size = (height, width)
            if (height, width) != size:
                raise ValueError(f"{path}: frame {count} is {width}x{height}, the first was {size[1]}x{size[0]}")
            even = cv2.copyMakeBorder(image, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
            frame = av.VideoFrame.from_ndarray(np.asarray(even, np.uint8), format="rgb24")
            frame.pts = count
            frame.time_base = 1 / rate
            container.mux(stream.encode(frame))
            count += 1
        if stream is None:
            raise ValueError(f"{path}: no frames to write")
        container.mux(stream.encode())
    return count


def _open(path: Path) -> av.container.InputContainer:
    if path.stat().st_size == 0:
        raise MediaError("empty_file", f"{path}: the file is empty; copy it again")
    try:
        # the protocol in front keeps a colon in the name from being taken for one
        container = av.open(f"file:{path}", "r", options=dict(_LIMITS))
    except av.error.FFmpegError as error:
        with path.open("rb") as file:
            head = file.read(16)
        if any(head[at : at + len(mark)] == mark for at, mark in _CONTAINER_MARKS):
            raise MediaError("truncated", f"{path}: the video breaks off ({error.strerror}); copy it again") from error
        raise MediaError(
            "not_a_video", f"{path}: FFmpeg reads no video here ({error.strerror}); convert or remove it"
        ) from error
    if container.format.name in _PLAYLISTS:
        container.close()
        raise MediaError("not_a_video", f"{path}: only a list of other files; put those here instead")
    if not container.streams.video:
        container.close()
        raise MediaError("no_video_stream", f"{path}: holds no video stream, only sound or data; remove it")
    return container


def _frames(path: Path, container: av.container.InputContainer) -> Iterator[av.VideoFrame]:
    """Decoded frames; a packet that cannot be decoded is passed over, a broken end of file ends the iteration.

    Raises:
        MediaError: `too_large` or `truncated` when there was no frame at all.
    """
    stream = container.streams.video[0]
    stream.thread_type = "NONE"
    stream.codec_context.options = dict(_LIMITS)
    packets = container.demux(stream)
    any_frame = False
    while True:
        try:
            packet = next(packets, None)
        except av.error.FFmpegError:
            packet = None
        if packet is None:
            break
        try:
            for frame in packet.decode():
                any_frame = True
                yield frame
        except MemoryError:
            raise
        except av.error.FFmpegError:
            continue
    if any_frame:
        return
    if _is_too_large(path):
        raise MediaError("too_large", f"{path}: frames of more than {MAX_FRAME_PIXELS} pixels; make it smaller")
    raise MediaError("truncated", f"{path}: no frame could be decoded; copy the file again")


def _is_too_large(path: Path) -> bool:
    """Whether the first frame was refused for its size: FFmpeg says so in its log only, which is otherwise off."""
    level = av.logging.get_level()
    av.logging.set_level(av.logging.PANIC)
    try:
        with av.open(f"file:{path}", options=dict(_LIMITS)) as container:
            stream = container.streams.video[0]
            stream.codec_context.options = dict(_LIMITS)
            for packet in container.demux(stream):
                packet.decode()
    except av.error.FFmpegError as error:
        return _TOO_LARGE in str(error)
    finally:
        av.logging.set_level(level)
    return False


def _quarter_turns(frame: av.VideoFrame) -> int:
    return round(frame.rotation / 90) % 4
