from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from datasets.image_size import image_size

PIXELS = np.random.default_rng(0).integers(0, 256, (23, 41, 3), dtype=np.uint8)
HEADS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"BM", b"RIFF0000WEBPVP8X", b"II*\0", b"MM\0*", b"0000ftyp")


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("PNG", {}),
        ("JPEG", {}),
        ("JPEG", {"progressive": True, "exif": b"Exif\0\0" + bytes(200)}),
        ("GIF", {}),
        ("BMP", {}),
        ("WEBP", {"lossless": True}),
        ("WEBP", {"quality": 50}),
        ("WEBP", {"quality": 50, "exif": b"Exif\0\0" + bytes(20)}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"big_endian": True}),
        ("AVIF", {}),
    ],
)
def test_the_header_tells_the_size(format: str, options: dict[str, object]) -> None:
    file = BytesIO()
    Pillow.fromarray(PIXELS).save(file, format, **options)
    assert image_size(file.getvalue()) == (41, 23)


def test_a_bitmap_stored_from_the_top_has_a_negative_height() -> None:
    file = BytesIO()
    Pillow.fromarray(PIXELS).save(file, "BMP")
    data = bytearray(file.getvalue())
    data[22:26] = (-23).to_bytes(4, "little", signed=True)
    assert image_size(bytes(data)) == (41, 23)


@given(st.sampled_from(HEADS), st.binary(max_size=200))
def test_any_bytes_have_a_size_or_none(head: bytes, rest: bytes) -> None:
    size = image_size(head + rest)
    assert size is None or min(size) >= 0


def test_what_is_no_image_has_no_size() -> None:
    assert image_size(b"") is None
    assert image_size(b"#!/bin/sh") is None
    assert image_size(b"\x76\x2f\x31\x01" + bytes(100)) is None
