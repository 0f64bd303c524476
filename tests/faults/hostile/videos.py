"""Videos that break off, lie in their headers, or are stored in rare ways, and play lists in disguise."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from datasets.images import encode_jpeg
from tests.faults.hostile.cases import (
    ROWS,
    bytes_case,
    case,
    film,
    film_case,
    marked,
    noisy,
    photo_case,
    plain,
    raw_bytes,
    scene,
    sound,
    turned_film,
)
from tests.faults.hostile.images import cut


def half(name: str, folder: Path) -> None:
    """A video that breaks off in its only group of pictures; an MP4's index is lost with the end."""
    cut(name, noisy(name, folder), 0.5, folder)


def front_of_mp4(name: str, share: float, folder: Path) -> None:
    """An MP4 with its index in front, that ends in the middle of a group of pictures."""
    data = noisy(name, folder, options={"movflags": "faststart"})
    cut(name, data, share, folder)


def spoiled(name: str, start: float, stop: float, folder: Path) -> None:
    """A Matroska file with a stretch of zeros."""
    data = bytearray(noisy(name, folder))
    first, last = int(len(data) * start), int(len(data) * stop)
    data[first:last] = bytes(last - first)
    raw_bytes(name, bytes(data), folder)


def without_its_start(folder: Path) -> None:
    """An MPEG stream that begins between two key frames, as recorded from the air."""
    data = noisy("tail.ts", folder, muxer="mpegts")
    raw_bytes("tail.ts", data[len(data) // 3 // 188 * 188 :], folder)


def two_sizes(folder: Path) -> None:
    """An MPEG stream whose frames change their size on the way."""
    for name, shape, start in (("a.ts", (48, 64), 0), ("b.ts", (64, 96), 200)):
        times = [start + 40 * index for index in range(5)]
        film(name, [scene(name, *shape)] * 5, folder, muxer="mpegts", times=times)
    data = (folder / "a.ts").read_bytes() + (folder / "b.ts").read_bytes()
    for name in ("a.ts", "b.ts"):
        (folder / name).unlink()
    raw_bytes("both.ts", data, folder)


def patched_boxes(name: str, boxes: dict[bytes, Callable[[bytes], bytes]], folder: Path) -> None:
    """An MP4 of ten frames in which the first box of each kind gets another body of the same length."""
    data = bytearray(plain(name, folder, count=10))
    for kind, change in boxes.items():
        at = data.index(kind)
        length = int.from_bytes(data[at - 4 : at], "big") - 8
        body = change(bytes(data[at + 4 : at + 4 + length]))
        if len(body) != length:
            raise ValueError(f"{name}: box {kind!r} has {length} bytes, its new body {len(body)}")
        data[at + 4 : at + 4 + length] = body
    raw_bytes(name, bytes(data), folder)


def number_at(at: int, value: int, body: bytes) -> bytes:
    return body[:at] + struct.pack(">I", value) + body[at + 4 :]


def ten_hours(folder: Path) -> None:
    """Ten frames under a header that says ten hours."""
    boxes = {b"mvhd": partial(number_at, 16, 36_000_000), b"tkhd": partial(number_at, 20, 36_000_000)}
    patched_boxes("long.mp4", {**boxes, b"mdhd": partial(number_at, 16, 2**32 - 2)}, folder)


def endless_samples(folder: Path) -> None:
    """A header that counts four thousand million frames of two gigabytes each."""

    def same_size(body: bytes) -> bytes:
        return body[:4] + struct.pack(">II", 2**31 - 1, 2**32 - 1) + body[12:]

    patched_boxes("endless.mp4", {b"stsz": same_size}, folder)


def terabytes_to_come(folder: Path) -> None:
    """An MP4 whose media box says that it is eight terabytes long."""
    data = plain("huge.mp4", folder)
    at = data.index(b"mdat") - 4
    body = data[at + 8 :]
    raw_bytes("huge.mp4", data[:at] + struct.pack(">I4sQ", 1, b"mdat", 2**43) + body, folder)


def raw_giant(folder: Path) -> None:
    """An AVI file of a few kilobytes whose header says 200000 x 200000 raw pixels: 120 GB a frame."""
    film("giant.avi", [scene("giant", 16, 16)] * 2, folder, codec="rawvideo", source="rgb24", pixels="bgr24")
    data = bytearray((folder / "giant.avi").read_bytes())
    at = data.index(b"strf") + 12
    data[at : at + 8] = struct.pack("<ii", 200_000, 200_000)
    raw_bytes("giant.avi", bytes(data), folder)


def giant_frames(folder: Path) -> None:
    """16000 x 16000 pixels in 300 kB."""
    film("giant.mov", [np.zeros((16000, 16000), np.uint8)], folder, codec="png", source="gray", pixels="gray")


def playlist(name: str, text: str, folder: Path) -> None:
    """A list that names a video beside it; FFmpeg would follow it."""
    film("other.dat", [scene(folder.name)] * 3, folder, muxer="mp4")
    raw_bytes(name, text.encode(), folder)


_STACK = np.stack([marked()] * 4)
_RGBA = np.dstack([marked(), np.full((48, 64), 90, np.uint8)])
_CONCAT = "ffconcat version 1.0\nfile other.dat\n"
_HLS = "#EXTM3U\n#EXTINF:5,\nother.dat\n#EXT-X-ENDLIST\n"
_SDP = b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
_HALVES = [scene(f"rate{i // 2}") for i in range(5)]
_MINUS: dict[str, Any] = {"times": [-400, -200, -100, 0, 40], "options": {"avoid_negative_ts": "disabled"}}

VIDEOS = [
    bytes_case("zero_bytes_mp4", "film.mp4", b"", "empty_file"),
    bytes_case("text_as_mp4", "film.mp4", b"these are no frames\n", "not_a_video"),
    bytes_case("zeros_as_mp4", "film.mp4", bytes(100_000), "not_a_video"),
    bytes_case("noise_as_mp4", "film.mp4", np.random.default_rng(0).bytes(100_000), "not_a_video"),
    bytes_case("photo_as_mp4", "film.mp4", encode_jpeg(scene("as mp4")), ROWS),
    bytes_case("head_of_mp4", "film.mp4", b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41", "truncated"),
    case("no_index_mp4", "film.mp4", half, "film.mp4", end="truncated"),
    case("cut_mid_gop_mp4", "film.mp4", front_of_mp4, "film.mp4", 0.5),
    case("cut_mid_gop_mkv", "film.mkv", half, "film.mkv"),
    case("spoilt_mkv", "film.mkv", spoiled, "film.mkv", 0.4, 0.6),
    case("no_start_ts", "tail.ts", without_its_start),
    case("two_sizes_ts", "both.ts", two_sizes),
    case("sound_only", "film.mp4", sound, "film.mp4", end="no_video_stream"),
    film_case("one_pixel_video", "film.mov", [np.full((1, 1, 3), 80, np.uint8)] * 3, codec="png", pixels="rgb24"),
    film_case("odd_size_video", "film.mp4", [scene("odd video", 47, 63)] * 3, pixels="yuv444p"),
    film_case("ten_bit", "film.mp4", _STACK, pixels="yuv420p10le"),
    film_case("twelve_bit", "film.mkv", _STACK, codec="ffv1", pixels="yuv444p12le"),
    film_case("grey_video", "film.mp4", _STACK, pixels="gray"),
    film_case("grey_ten_bit", "film.mp4", _STACK, pixels="gray10le"),
    film_case("alpha_qtrle", "film.mov", [_RGBA] * 4, codec="qtrle", source="rgba", pixels="argb"),
    film_case("alpha_prores", "film.mov", [_RGBA] * 4, codec="prores_ks", source="rgba", pixels="yuva444p10le"),
    film_case("alpha_png_video", "film.mov", [_RGBA] * 3, codec="png", source="rgba", pixels="rgba"),
    *(case(f"turned_{turn % 360}", "film.mp4", turned_film, "film.mp4", turn) for turn in (90, 180, -90)),
    film_case("variable_rate", "film.mkv", _HALVES, times=[100, 140, 300, 310, 1000]),
    *(
        film_case(f"negative_times_{kind}", f"film.{kind}", [scene(kind)] * 5, muxer=muxer, **_MINUS)
        for kind, muxer in (("ts", "mpegts"), ("mp4", "mp4"), ("mkv", "matroska"))
    ),
    film_case("days_between_frames", "film.mkv", [scene("days")] * 3, times=[0, 40, 10 * 24 * 3600 * 1000]),
    film_case("ages_between_frames", "film.mkv", [scene("ages")] * 3, times=[0, 40, 2**61]),
    case("ten_hours_header", "long.mp4", ten_hours),
    case("endless_samples", "endless.mp4", endless_samples, end="truncated"),
    case("terabytes_header", "huge.mp4", terabytes_to_come, end="truncated"),
    case("raw_giant", "giant.avi", raw_giant, end="truncated"),
    photo_case("video_16k", giant_frames, "too_large", file="giant.mov"),
    case("concat_list", "list.mp4", playlist, "list.mp4", _CONCAT, end="not_a_video"),
    case("hls_list", "list.ts", playlist, "list.ts", _HLS, end="not_a_video"),
    bytes_case("sdp_list", "list.mp4", _SDP, "not_a_video"),
]  # fmt: skip
