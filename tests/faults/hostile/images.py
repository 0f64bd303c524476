"""Photos that are broken, lie about their size, or are stored in rare ways."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from PIL import Image as Pillow

from datasets.images import Image, encode_jpeg, encode_png
from datasets.media import MAX_IMAGE_BYTES
from tests.faults.hostile.cases import (
    ROWS,
    bytes_case,
    case,
    film_case,
    marked,
    photo_case,
    raw_bytes,
    saved_case,
    scene,
)


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


_JPEG, _PNG = encode_jpeg(scene("jpeg")), encode_png(scene("png"))
_RGBA = np.dstack([marked(), np.full((48, 64), 90, np.uint8)])
_DEEP = np.full((48, 64, 3), 257 * 100, np.uint16)

IMAGES = [
    bytes_case("zero_bytes_jpg", "photo.jpg", b"", "empty_file"),
    bytes_case("zero_bytes_png", "photo.png", b"", "duplicate_file"),  # nothing is a copy of nothing
    bytes_case("text_as_jpg", "photo.jpg", b"these are no pixels\n", "not_an_image"),
    bytes_case("svg_as_png", "photo.png", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", "not_an_image"),
    bytes_case("exr_as_png", "photo.png", b"\x76\x2f\x31\x01\x02\0\0\0channels\0" + bytes(99), "not_an_image"),
    bytes_case("heic", "photo.heic", b"\0\0\0\x18ftypheic\0\0\0\0heicmif1", "not_an_image"),
    bytes_case("zeros_as_png", "photo.png", bytes(5000), "not_an_image"),
    film_case("video_as_jpg", "photo.jpg", [scene("as jpg")], "not_an_image", muxer="mp4"),
    case("cut_jpg", "photo.jpg", cut, "photo.jpg", _JPEG, 0.6, end="truncated"),
    case("cut_jpg_header", "photo.jpg", cut, "photo.jpg", _JPEG, 0.02, end="truncated"),
    case("cut_png", "photo.png", cut, "photo.png", _PNG, 0.6, end="truncated"),
    bytes_case("spoilt_png", "photo.png", _PNG[:60] + bytes(40) + _PNG[100:], "not_an_image"),
    bytes_case("one_pixel", "photo.png", encode_png(np.full((1, 1, 3), 77, np.uint8)), ROWS),
    bytes_case("one_row", "photo.png", encode_png(scene("row", 1, 5000)), ROWS),
    bytes_case("odd_size_photo", "photo.png", encode_png(scene("odd", 47, 63)), ROWS),
    bytes_case("deep_png", "photo.png", cv2.imencode(".png", _DEEP)[1].tobytes(), ROWS),
    bytes_case("float_tiff", "photo.tif", cv2.imencode(".tif", _DEEP.astype(np.float32) / 65535)[1].tobytes(), ROWS),
    saved_case("grey_jpg", "photo.jpg", "L"),
    saved_case("grey_alpha_png", "photo.png", "LA"),
    bytes_case("alpha_png", "photo.png", cv2.imencode(".png", _RGBA[..., [2, 1, 0, 3]])[1].tobytes(), ROWS),
    saved_case("palette_png", "photo.png", "P"),
    saved_case("one_bit_png", "photo.png", "1"),
    saved_case("cmyk_jpg", "photo.jpg", "CMYK", quality=95),
    saved_case("cmyk_tiff", "photo.tif", "CMYK"),
    saved_case("progressive_jpg", "photo.jpg", "RGB", progressive=True),
    saved_case("alpha_webp", "photo.webp", "RGBA", lossless=True),
    case("animated_gif", "photo.gif", animated_gif, "photo.gif"),
    *(case(f"exif_{turn}", "photo.jpg", exif_jpeg, turn) for turn in range(1, 9)),
    photo_case("png_bomb", partial(flat_png, "photo.png", 60_000), "too_large"),
    bytes_case("png_header_bomb", "bomb.png", png(2**31 - 1, 2**31 - 1, zlib.compress(b"")), "too_large"),
    bytes_case("jpg_header_bomb", "bomb.jpg", jpeg_header(65500, 65500), "too_large"),
    bytes_case("tiff_header_bomb", "bomb.tif", tiff_header(2**31, 2**31), "too_large"),
    bytes_case("webp_header_bomb", "bomb.webp", webp_header(2**24, 2**24), "too_large"),
    bytes_case("bmp_header_bomb", "bomb.bmp", bmp_header(2**30, 2**30), "too_large"),
    bytes_case("gif_header_bomb", "bomb.gif", gif_header(65535, 65535), "too_large"),
    bytes_case("avif_header_bomb", "bomb.avif", avif_header(2**31, 2**31), "too_large"),
    photo_case("photo_16k", partial(flat_png, "photo.png", 16384)),
    photo_case("photo_of_gigabytes", partial(sparse, "photo.jpg", MAX_IMAGE_BYTES + 1), "too_large", file="photo.jpg"),
]
