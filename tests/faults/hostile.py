"""Bad input: small makers, one a case. Every case is a folder of its own with the files that the table promises."""

from __future__ import annotations

import json
import os
import socket
import struct
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

from datasets.images import Image, encode_jpeg, encode_png
from datasets.media import MAX_IMAGE_BYTES
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


# --- writers ---------------------------------------------------------------------------------------------------------


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


# --- images ----------------------------------------------------------------------------------------------------------


def cut(name: str, data: bytes, share: float, folder: Path) -> None:
    raw_bytes(name, data[: int(len(data) * share)], folder)


def exif_jpeg(orientation: int, folder: Path) -> None:
    """`marked`, stored so that EXIF orientation `orientation` shows it upright."""
    stored = _STORED[min(orientation, 8)](marked())
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    Pillow.fromarray(np.ascontiguousarray(stored)).save(folder / "photo.jpg", exif=exif, quality=97, subsampling=0)


_STORED: dict[int, Callable[[Image], Image]] = {
    1: lambda image: image,
    2: lambda image: image[:, ::-1],
    3: lambda image: image[::-1, ::-1],
    4: lambda image: image[::-1],
    5: lambda image: image.transpose(1, 0, 2),
    6: lambda image: np.rot90(image, 1),
    7: lambda image: image[::-1, ::-1].transpose(1, 0, 2),
    8: lambda image: np.rot90(image, -1),
}


def animated_gif(name: str, folder: Path) -> None:
    frames = [Pillow.fromarray(scene(f"{folder.name}{index}")) for index in range(5)]
    frames[0].save(folder / name, save_all=True, append_images=frames[1:], duration=40, loop=0)


def png(width: int, height: int, pixels: bytes) -> bytes:
    """A PNG of grey 1-bit pixels whose compressed data is `pixels`."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def flat_png(name: str, side: int, folder: Path) -> None:
    """`side` x `side` black pixels that are really all there, a thousandth of their size as RGB."""
    row, squeeze = bytes(1 + side // 8), zlib.compressobj(1)
    data = b"".join([*(squeeze.compress(row) for _ in range(side)), squeeze.flush()])
    raw_bytes(name, png(side, side, data), folder)


def jpeg_header(width: int, height: int) -> bytes:
    """A JPEG that announces a size, with next to no pixels."""
    data = bytearray(encode_jpeg(scene(f"{width}x{height}")))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


def tiff_header(width: int, height: int) -> bytes:
    entries = [(256, 4, width), (257, 4, height), (258, 3, 8), (259, 3, 1), (262, 3, 1), (273, 4, 8), (279, 4, 16)]
    body = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in entries)
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + body + bytes(20)


def webp_header(width: int, height: int) -> bytes:
    size = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return b"RIFF" + struct.pack("<I", 40) + b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + size + bytes(16)


def bmp_header(width: int, height: int) -> bytes:
    return b"BM" + struct.pack("<IHHI", 200, 0, 0, 54) + struct.pack("<IiiHH", 40, width, -height, 1, 24) + bytes(140)


def gif_header(width: int, height: int) -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6) + b"\x2c" + bytes(8) + b";"


def avif_header(width: int, height: int) -> bytes:
    ispe = struct.pack(">I4sIII", 20, b"ispe", 0, width, height)
    return struct.pack(">I4s4sI", 16, b"ftyp", b"avif", 0) + struct.pack(">I4s", 8 + len(ispe), b"meta") + ispe


def sparse(name: str, size: int, folder: Path) -> None:
    with (folder / name).open("wb") as file:
        file.truncate(size)


# --- videos ----------------------------------------------------------------------------------------------------------


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


# --- names, links and what is no file ------------------------------------------------------------------------------


def named_photo(name: str, folder: Path) -> None:
    raw_bytes(name, encode_png(scene(name.encode("utf-8", "backslashreplace").decode())), folder)


def named_film(name: str, folder: Path) -> None:
    data = plain("plain.mp4", folder)
    (folder / "plain.mp4").unlink()
    raw_bytes(name, data, folder)


def link(name: str, target: str, folder: Path) -> None:
    (folder / name).symlink_to(target)


def link_ring(folder: Path) -> None:
    link("a.mp4", "b.mp4", folder)
    link("b.mp4", "a.mp4", folder)


def pipe(name: str, folder: Path) -> None:
    os.mkfifo(folder / name)


def door(name: str, folder: Path) -> None:
    """A socket; bound by a relative name, as those may only be short."""
    here = Path.cwd()
    os.chdir(folder)
    try:
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(name)
    finally:
        os.chdir(here)


def empty_folder(name: str, folder: Path) -> None:
    (folder / name).mkdir()


def locked_file(name: str, folder: Path) -> None:
    named_photo(name, folder)
    (folder / name).chmod(0)


def locked_folder(folder: Path) -> None:
    (folder / "locked").mkdir()
    named_photo("in.png", folder / "locked")
    (folder / "locked").chmod(0)


def frames_with_a_pipe(folder: Path) -> None:
    """A folder cut from a video in which one frame is a pipe, one cut off, and one of another size."""
    for index in range(4):
        raw_bytes(f"{index}.png", encode_png(scene(f"frames{index}")), folder)
    raw_bytes("5.png", encode_png(scene("frames5", 90, 30)), folder)
    raw_bytes("6.png", encode_png(scene("frames6"))[:-30], folder)
    pipe("7.png", folder)


# --- masks and sidecars ----------------------------------------------------------------------------------------------


def masked(mask: bytes | None, folder: Path) -> None:
    """A photo whose sidecar names one mask."""
    raw_bytes("photo.png", encode_png(scene(folder.name)), folder)
    raw_bytes("photo.yaml", b"masks: masks/photo.png\n", folder)
    (folder / "masks").mkdir()
    if mask is not None:
        raw_bytes("photo.png", mask, folder / "masks")


def piped_masks(folder: Path) -> None:
    """A video with a folder of masks, one of which is a pipe."""
    plain("film.mp4", folder)
    raw_bytes("film.yaml", b"masks: masks\n", folder)
    (folder / "masks").mkdir()
    raw_bytes("0.png", encode_png(np.full((48, 64), 255, np.uint8)), folder / "masks")
    pipe("1.png", folder / "masks")


def coco(content: object, folder: Path) -> None:
    raw_bytes("photo.png", encode_png(scene(folder.name)), folder)
    raw_bytes("photo.yaml", b"masks: masks.json\n", folder)
    text = content if isinstance(content, str) else json.dumps(content)
    raw_bytes("masks.json", text.encode(), folder)


def coco_of(height: int, width: int) -> dict[str, object]:
    return {
        "images": [{"id": 1, "file_name": "photo.png", "height": height, "width": width}],
        "categories": [{"id": 1, "name": "person"}],
        "annotations": [{"image_id": 1, "category_id": 1, "segmentation": [[1, 1, 9, 1, 9, 9]]}],
    }


def sidecar(text: bytes, folder: Path) -> None:
    plain("film.mp4", folder)
    raw_bytes("film.yaml", text, folder)


def locked_sidecar(folder: Path) -> None:
    sidecar(b"subject: anna\n", folder)
    (folder / "film.yaml").chmod(0)


def _laughs() -> bytes:
    lines = ["a: &a [ha, ha, ha, ha, ha, ha, ha, ha, ha]"]
    lines += [f"{b}: &{b} [{', '.join(['*' + a] * 9)}]" for a, b in zip("abcdefghijk", "bcdefghijkl", strict=True)]
    return "\n".join([*lines, "licence: *l"]).encode()


def _photo(name: str, make: Maker, end: str = ROWS, *, file: str = "photo.png") -> Hostile:
    return Hostile(name, make, {file: end})


def _bytes(name: str, file: str, data: bytes, end: str) -> Hostile:
    return Hostile(name, partial(raw_bytes, file, data), {file: end})


def _saved(name: str, file: str, mode: str, **options: Any) -> Hostile:
    return Hostile(name, partial(pillow, file, mode, **options), {file: ROWS})


def _film(name: str, file: str, images: Iterable[Any], end: str = ROWS, **options: Any) -> Hostile:
    return Hostile(name, partial(film, file, list(images), **options), {file: end})


def _case(name: str, file: str, make: Callable[..., object], *args: object, end: str = ROWS) -> Hostile:
    return Hostile(name, partial(make, *args) if args else make, {file: end})  # type: ignore[arg-type]


def _sidecar(name: str, text: bytes, end: str = "bad_sidecar") -> Hostile:
    return Hostile(name, partial(sidecar, text), {"film.mp4": end})


def _named(name: str, file: str) -> Hostile:
    make = named_film if file.lower().endswith("mp4") else named_photo
    return Hostile(name, partial(make, file), {file: ROWS})


_JPEG, _PNG = encode_jpeg(scene("jpeg")), encode_png(scene("png"))
_STACK = np.stack([marked()] * 4)
_RGBA = np.dstack([marked(), np.full((48, 64), 90, np.uint8)])
_CONCAT = "ffconcat version 1.0\nfile other.dat\n"
_HLS = "#EXTM3U\n#EXTINF:5,\nother.dat\n#EXT-X-ENDLIST\n"
_SDP = b"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n"
_MINUS, _AS_IT_IS = [-400, -200, -100, 0, 40], {"avoid_negative_ts": "disabled"}
_DEEP = np.full((48, 64, 3), 257 * 100, np.uint16)

IMAGES = [
    _bytes("zero_bytes_jpg", "photo.jpg", b"", "empty_file"),
    _bytes("zero_bytes_png", "photo.png", b"", "duplicate_file"),  # nothing is a copy of nothing
    _bytes("text_as_jpg", "photo.jpg", b"these are no pixels\n", "not_an_image"),
    _bytes("svg_as_png", "photo.png", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "not_an_image"),
    _bytes("exr_as_png", "photo.png", b"\x76\x2f\x31\x01\x02\0\0\0channels\0" + bytes(99), "not_an_image"),
    _bytes("heic", "photo.heic", b"\0\0\0\x18ftypheic\0\0\0\0heicmif1", "not_an_image"),
    _bytes("zeros_as_png", "photo.png", bytes(5000), "not_an_image"),
    _film("video_as_jpg", "photo.jpg", [scene("as jpg")], "not_an_image", muxer="mp4"),
    _case("cut_jpg", "photo.jpg", cut, "photo.jpg", _JPEG, 0.6, end="truncated"),
    _case("cut_jpg_header", "photo.jpg", cut, "photo.jpg", _JPEG, 0.02, end="truncated"),
    _case("cut_png", "photo.png", cut, "photo.png", _PNG, 0.6, end="truncated"),
    _bytes("spoilt_png", "photo.png", _PNG[:60] + bytes(40) + _PNG[100:], "not_an_image"),
    _bytes("one_pixel", "photo.png", encode_png(np.full((1, 1, 3), 77, np.uint8)), ROWS),
    _bytes("one_row", "photo.png", encode_png(scene("row", 1, 5000)), ROWS),
    _bytes("odd_size_photo", "photo.png", encode_png(scene("odd", 47, 63)), ROWS),
    _bytes("deep_png", "photo.png", cv2.imencode(".png", _DEEP)[1].tobytes(), ROWS),
    _bytes("float_tiff", "photo.tif", cv2.imencode(".tif", _DEEP.astype(np.float32) / 65535)[1].tobytes(), ROWS),
    _saved("grey_jpg", "photo.jpg", "L"),
    _saved("grey_alpha_png", "photo.png", "LA"),
    _bytes("alpha_png", "photo.png", cv2.imencode(".png", _RGBA[..., [2, 1, 0, 3]])[1].tobytes(), ROWS),
    _saved("palette_png", "photo.png", "P"),
    _saved("one_bit_png", "photo.png", "1"),
    _saved("cmyk_jpg", "photo.jpg", "CMYK", quality=95),
    _saved("cmyk_tiff", "photo.tif", "CMYK"),
    _saved("progressive_jpg", "photo.jpg", "RGB", progressive=True),
    _saved("alpha_webp", "photo.webp", "RGBA", lossless=True),
    _case("animated_gif", "photo.gif", animated_gif, "photo.gif"),
    *(_case(f"exif_{turn}", "photo.jpg", exif_jpeg, turn) for turn in range(1, 9)),
    _photo("png_bomb", partial(flat_png, "photo.png", 60_000), "too_large"),
    _bytes("png_header_bomb", "bomb.png", png(2**31 - 1, 2**31 - 1, zlib.compress(b"")), "too_large"),
    _bytes("jpg_header_bomb", "bomb.jpg", jpeg_header(65500, 65500), "too_large"),
    _bytes("tiff_header_bomb", "bomb.tif", tiff_header(2**31, 2**31), "too_large"),
    _bytes("webp_header_bomb", "bomb.webp", webp_header(2**24, 2**24), "too_large"),
    _bytes("bmp_header_bomb", "bomb.bmp", bmp_header(2**30, 2**30), "too_large"),
    _bytes("gif_header_bomb", "bomb.gif", gif_header(65535, 65535), "too_large"),
    _bytes("avif_header_bomb", "bomb.avif", avif_header(2**31, 2**31), "too_large"),
    _photo("photo_16k", partial(flat_png, "photo.png", 16384)),
    _photo("photo_of_gigabytes", partial(sparse, "photo.jpg", MAX_IMAGE_BYTES + 1), "too_large", file="photo.jpg"),
]

VIDEOS = [
    _bytes("zero_bytes_mp4", "film.mp4", b"", "empty_file"),
    _bytes("text_as_mp4", "film.mp4", b"these are no frames\n", "not_a_video"),
    _bytes("zeros_as_mp4", "film.mp4", bytes(100_000), "not_a_video"),
    _bytes("noise_as_mp4", "film.mp4", np.random.default_rng(0).bytes(100_000), "not_a_video"),
    _bytes("photo_as_mp4", "film.mp4", encode_jpeg(scene("as mp4")), ROWS),
    _bytes("head_of_mp4", "film.mp4", b"\0\0\0\x20ftypisom\0\0\x02\0isomiso2avc1mp41", "truncated"),
    _case("no_index_mp4", "film.mp4", half, "film.mp4", end="truncated"),
    _case("cut_mid_gop_mp4", "film.mp4", front_of_mp4, "film.mp4", 0.5),
    _case("cut_mid_gop_mkv", "film.mkv", half, "film.mkv"),
    _case("spoilt_mkv", "film.mkv", spoiled, "film.mkv", 0.4, 0.6),
    _case("no_start_ts", "tail.ts", without_its_start),
    _case("two_sizes_ts", "both.ts", two_sizes),
    _case("sound_only", "film.mp4", sound, "film.mp4", end="no_video_stream"),
    _film("one_pixel_video", "film.mov", [np.full((1, 1, 3), 80, np.uint8)] * 3, codec="png", pixels="rgb24"),
    _film("odd_size_video", "film.mp4", [scene("odd video", 47, 63)] * 3, pixels="yuv444p"),
    _film("ten_bit", "film.mp4", _STACK, pixels="yuv420p10le"),
    _film("twelve_bit", "film.mkv", _STACK, codec="ffv1", pixels="yuv444p12le"),
    _film("grey_video", "film.mp4", _STACK, pixels="gray"),
    _film("grey_ten_bit", "film.mp4", _STACK, pixels="gray10le"),
    _film("alpha_qtrle", "film.mov", [_RGBA] * 4, codec="qtrle", source="rgba", pixels="argb"),
    _film("alpha_prores", "film.mov", [_RGBA] * 4, codec="prores_ks", source="rgba", pixels="yuva444p10le"),
    _film("alpha_png_video", "film.mov", [_RGBA] * 3, codec="png", source="rgba", pixels="rgba"),
    *(_case(f"turned_{turn % 360}", "film.mp4", turned_film, "film.mp4", turn) for turn in (90, 180, -90)),
    _film("variable_rate", "film.mkv", [scene(f"rate{i // 2}") for i in range(5)], times=[100, 140, 300, 310, 1000]),
    *(
        _film(f"negative_times_{kind}", f"film.{kind}", [scene(kind)] * 5, times=_MINUS, options=_AS_IT_IS, muxer=muxer)
        for kind, muxer in (("ts", "mpegts"), ("mp4", "mp4"), ("mkv", "matroska"))
    ),
    _film("days_between_frames", "film.mkv", [scene("days")] * 3, times=[0, 40, 10 * 24 * 3600 * 1000]),
    _film("ages_between_frames", "film.mkv", [scene("ages")] * 3, times=[0, 40, 2**61]),
    _case("ten_hours_header", "long.mp4", ten_hours),
    _case("endless_samples", "endless.mp4", endless_samples, end="truncated"),
    _case("terabytes_header", "huge.mp4", terabytes_to_come, end="truncated"),
    _case("raw_giant", "giant.avi", raw_giant, end="truncated"),
    _photo("video_16k", giant_frames, "too_large", file="giant.mov"),
    _case("concat_list", "list.mp4", playlist, "list.mp4", _CONCAT, end="not_a_video"),
    _case("hls_list", "list.ts", playlist, "list.ts", _HLS, end="not_a_video"),
    _bytes("sdp_list", "list.mp4", _SDP, "not_a_video"),
]  # fmt: skip

NAMES = [
    _named("name_newline", "two\nlines.mp4"),
    _named("name_quotes", 'it\'s "quoted" `date`.mp4'),
    _named("name_shell", "; touch pwned; $(touch pwned) & .mp4"),
    _named("name_dots", "a..b...mp4"),
    _named("name_escaped_path", "a%2f..%2f..%2fetc%2fpasswd.png"),
    _named("name_backslashes", "a\\..\\..\\windows.png"),
    _named("name_emoji", "🎬 été 電影.mp4"),
    _named("name_255_bytes_video", "v" * 251 + ".mp4"),
    _named("name_255_bytes_photo", "é" * 125 + "p.png"),
    _named("name_dash", "-rf.mp4"),
    _named("name_no_utf8_photo", "caf\udce9.png"),
    _named("name_no_utf8_video", "caf\udce9.mp4"),
    _named("name_pattern", "frame%03d.mp4"),
    _named("name_protocol", "http:evil.mp4"),
    _named("name_script", "<script>alert(1)<&>.png"),
    _named("name_markup", "[red]bold[] [x.mp4"),
    _named("name_capitals", "FILM.MP4"),
    _named("name_direction", "gpj.\u202efilm.mp4"),
]

FILES = [
    _case("link_to_itself", "self.mp4", link, "self.mp4", "self.mp4", end="unreadable"),
    _case("photo_link_to_itself", "self.png", link, "self.png", "self.png", end="unreadable"),
    Hostile("link_ring", link_ring, {"a.mp4": "unreadable", "b.mp4": "unreadable"}),
    _case("link_to_nothing", "gone.mp4", link, "gone.mp4", "/nowhere/at/all.mp4", end="unreadable"),
    _case("link_to_endless_zeros", "zeros.mp4", link, "zeros.mp4", "/dev/zero", end="unreadable"),
    _case("photo_link_to_random", "noise.jpg", link, "noise.jpg", "/dev/urandom", end="unreadable"),
    _case("folder_link_loop", "up", link, "up", "..", end="unreadable"),
    _case("pipe_as_video", "pipe.mp4", pipe, "pipe.mp4", end="unreadable"),
    _case("pipe_as_photo", "pipe.png", pipe, "pipe.png", end="unreadable"),
    _case("socket_as_video", "door.mp4", door, "door.mp4", end="unreadable"),
    _case("folder_as_video", "film.mp4", empty_folder, "film.mp4", end="unreadable"),
    _case("locked_photo", "photo.png", locked_file, "photo.png", end="unreadable"),
    _case("locked_folder", "locked", locked_folder, end="unreadable"),
    Hostile("frames_with_a_pipe", frames_with_a_pipe, {"": ROWS, "7.png": "unreadable"}),
]

MASKS = [
    _photo("mask_of_another_shape", partial(masked, encode_png(np.zeros((64, 48), np.uint8))), "bad_mask"),
    _photo("mask_of_half_the_size", partial(masked, encode_png(np.zeros((24, 32), np.uint8)))),
    _photo("mask_of_one_pixel", partial(masked, encode_png(np.zeros((1, 1), np.uint8))), "bad_mask"),
    _photo("mask_of_text", partial(masked, b"no mask"), "bad_mask"),
    _photo("mask_cut_off", partial(masked, _PNG[:-30]), "bad_mask"),
    _photo("mask_missing", partial(masked, None), "bad_mask"),
    _photo("mask_bomb", partial(masked, png(2**20, 2**20, zlib.compress(b""))), "bad_mask"),
    _photo("coco_broken", partial(coco, '{"images": ['), "bad_mask"),
    _photo("coco_too_deep", partial(coco, "[" * 100_000), "bad_mask"),
    _photo("coco_of_other_things", partial(coco, [1, 2, 3]), "bad_mask"),
    _photo("coco_bomb", partial(coco, coco_of(10**6, 10**6)), "bad_mask"),
    _case("mask_pipe", "film.mp4", piped_masks),
]

SIDECARS = [
    _sidecar("sidecar_no_yaml", b"subject: [anna\n: }{"),
    _sidecar("sidecar_binary", bytes(range(256))),
    _sidecar("sidecar_python_object", b"subject: !!python/object/apply:os.system ['touch pwned']\n"),
    _sidecar("sidecar_billion_laughs", _laughs()),
    _sidecar("sidecar_too_deep", b"[" * 100_000),
    _sidecar("sidecar_list", b"- anna\n- bert\n"),
    _sidecar("sidecar_unknown_key", b"subjcet: anna\n"),
    _sidecar("sidecar_45th_of_may", b"subject: 2024-05-45\n"),
    _sidecar("sidecar_no_unicode", b'subject: "\\ud800"\n'),
    _sidecar("sidecar_of_megabytes", b"#" * (2 << 20)),
    _sidecar("sidecar_masks_everything", b"masks: .\n"),
    _sidecar("sidecar_masks_root", b"masks: /\n"),
    _sidecar("sidecar_masks_nul", b'masks: "a\\0b"\n'),
    _sidecar("sidecar_masks_too_long", b"masks: " + b"m" * 5000 + b"\n"),
    _sidecar("sidecar_masks_is_the_film", b"masks: film.mp4/masks\n"),
    Hostile("sidecar_locked", locked_sidecar, {"film.mp4": "bad_sidecar"}),
]

CORPUS = {case.name: case for case in (*IMAGES, *VIDEOS, *NAMES, *FILES, *MASKS, *SIDECARS)}

QUICK = (
    "zero_bytes_mp4", "cut_mid_gop_mkv", "sound_only", "odd_size_video", "ten_bit", "cmyk_jpg", "exif_6",
    "png_header_bomb", "name_newline", "name_no_utf8_photo", "name_255_bytes_video", "link_to_itself",
    "pipe_as_video", "locked_photo", "mask_of_another_shape", "sidecar_python_object", "sidecar_billion_laughs",
)  # fmt: skip
"""The dozen that runs with the quick tests."""


def make_corpus(raw: Path, cases: Iterable[Hostile]) -> dict[str, str]:
    """Write the cases under `raw`, a folder each; the expected end of every file by its path relative to `raw`."""
    ends: dict[str, str] = {}
    for case in cases:
        folder = raw / case.name
        folder.mkdir(parents=True)
        case.make(folder)
        ends |= {str(Path(case.name) / name): end for name, end in case.ends.items()}
    return ends
