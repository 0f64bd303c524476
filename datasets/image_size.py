"""Width and height of an image from its header alone: a few hundred bytes may promise terabytes of pixels."""

from __future__ import annotations

from collections.abc import Iterator

_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF0-SOF15 without the tables among them
_TIFF_WIDTH, _TIFF_HEIGHT, _TIFF_SHORT = 256, 257, 3


def image_size(data: bytes) -> tuple[int, int] | None:
    """Width and height that the header of a JPEG, PNG, GIF, BMP, WebP, TIFF, AVIF or HEIF announces, unturned.

    Of several (a JPEG's or TIFF's frames, an AVIF's items) the largest in pixels. None when the bytes are none of
    these formats, or end within the header.
    """
    return max(_sizes(data), key=lambda size: size[0] * size[1], default=None)


def _sizes(data: bytes) -> Iterator[tuple[int, int]]:
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        yield from _pair(data, 16, 4, "big")
    elif data.startswith(b"\xff\xd8"):
        yield from _jpeg(data)
    elif data[:6] in (b"GIF87a", b"GIF89a"):
        yield from _pair(data, 6, 2, "little")
    elif data.startswith(b"BM"):
        for width, height in _pair(data, 18, 4, "little"):
            yield width, min(height, 2**32 - height)  # a negative height means top to bottom
    elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
        yield from _webp(data)
    elif data[:4] in (b"II*\0", b"MM\0*"):
        yield from _tiff(data, "little" if data.startswith(b"II") else "big")
    elif data[4:8] == b"ftyp":
        at = data.find(b"ispe")
        while at >= 0:
            yield from _pair(data, at + 8, 4, "big")
            at = data.find(b"ispe", at + 4)


def _pair(data: bytes, at: int, length: int, order: str) -> Iterator[tuple[int, int]]:
    """Two numbers of `length` bytes that follow each other at `at`; nothing where the data ends before."""
    if at + 2 * length <= len(data):
        yield _number(data, at, length, order), _number(data, at + length, length, order)


def _number(data: bytes, at: int, length: int, order: str) -> int:
    return int.from_bytes(data[at : at + length], "big" if order == "big" else "little")


def _jpeg(data: bytes) -> Iterator[tuple[int, int]]:
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker in _JPEG_FRAMES:
            for height, width in _pair(data, at + 5, 2, "big"):
                yield width, height
        if marker == 0xDA:  # pixels follow
            return
        # any number of 0xFF may fill up before a marker
        at += 1 if marker == 0xFF else 2 + _number(data, at + 2, 2, "big")


def _webp(data: bytes) -> Iterator[tuple[int, int]]:
    kind = data[12:16]
    if kind == b"VP8X" and len(data) >= 30:
        yield 1 + _number(data, 24, 3, "little"), 1 + _number(data, 27, 3, "little")
    elif kind == b"VP8L" and len(data) >= 25:
        bits = _number(data, 21, 4, "little")
        yield 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    elif kind == b"VP8 ":
        for width, height in _pair(data, 26, 2, "little"):
            yield width & 0x3FFF, height & 0x3FFF


def _tiff(data: bytes, order: str) -> Iterator[tuple[int, int]]:
    """The first image of the file, which is the one that is read."""
    at = _number(data, 4, 4, order)
    found: dict[int, int] = {}
    for index in range(_number(data, at, 2, order)):
        entry = at + 2 + 12 * index
        if entry + 12 > len(data):
            return
        length = 2 if _number(data, entry + 2, 2, order) == _TIFF_SHORT else 4
        found[_number(data, entry, 2, order)] = _number(data, entry + 8, length, order)
    if _TIFF_WIDTH in found and _TIFF_HEIGHT in found:
        yield found[_TIFF_WIDTH], found[_TIFF_HEIGHT]
