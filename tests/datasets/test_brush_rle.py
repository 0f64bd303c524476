"""Brush RLE against bits written by hand, and against Label Studio's own SDK."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from label_studio_sdk.converter import brush as sdk

from datasets.brush_rle import BrushRleError, decode_mask, decode_rle, encode_mask, encode_rle

SHAPES = st.tuples(st.integers(1, 20), st.integers(1, 20))
PIXELS = st.sampled_from([0, 255, 1, 127, 128]) | st.integers(0, 255)
AT_LEISURE = settings(deadline=None, max_examples=50)  # kernels are compiled on first use; the SDK takes its time
MASKS = arrays.arrays(np.uint8, SHAPES, elements=PIXELS)


def packed(bits: str) -> bytes:
    """Bits as bytes, filled up with zeros."""
    bits = bits.replace(" ", "")
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[at : at + 8], 2) for at in range(0, len(bits), 8))


def stream(words: int, runs: list[tuple[int, int, list[int]]], *, width: int, sizes: tuple[int, ...]) -> bytes:
    """A stream of runs `(choice of size, length, one word or as many as it is long)`."""
    bits = f"{words:032b}{width - 1:05b}" + "".join(f"{size - 1:04b}" for size in sizes)
    for choice, length, values in runs:
        same = int(len(values) == 1)
        bits += f"{same}{choice:02b}{length - 1:0{sizes[choice]}b}" + "".join(f"{v:0{width}b}" for v in values)
    return packed(bits)


def test_two_pixels_by_hand() -> None:
    # 8 words; words of 8 bits; run sizes 3, 4, 8, 16; four times 255, four times 0; filled up to a byte
    header = "00000000 00000000 00000000 00001000001110010 0011 0111 1111"
    expected = packed(header + "1 00 011 111111111 00 011 00000000")
    mask = np.array([[255, 0]], np.uint8)
    assert encode_mask(mask) == expected == bytes([0, 0, 0, 8, 0x39, 0x1B, 0xFC, 0x7F, 0xF1, 0x80, 0])
    assert decode_mask(list(expected), 2, 1).tolist() == [[255, 0]]
    assert decode_rle(expected).tolist() == [255] * 4 + [0] * 4


@AT_LEISURE
@given(MASKS)
def test_the_same_bytes_as_the_sdk_and_back(mask: np.ndarray) -> None:
    encoded = encode_mask(mask)
    assert list(encoded) == sdk.mask2rle(mask)
    np.testing.assert_array_equal(decode_mask(encoded, mask.shape[1], mask.shape[0]), mask)
    np.testing.assert_array_equal(decode_rle(list(encoded)), sdk.decode_rle(encoded))


@AT_LEISURE
@given(st.lists(st.tuples(PIXELS, st.sampled_from([1, 2, 8, 9, 16, 17, 255, 256, 257, 700])), min_size=1, max_size=30))
def test_words_of_any_runs_have_the_sdks_bytes(runs: list[tuple[int, int]]) -> None:
    words = np.concatenate([np.full(length, value, np.uint8) for value, length in runs])
    encoded = encode_rle(words)
    assert list(encoded) == sdk.encode_rle(words)
    np.testing.assert_array_equal(decode_rle(encoded), words)


@pytest.mark.parametrize("length", [65535, 65536, 65537, 2 * 65536, 2 * 65536 + 1, 300_001])
def test_long_runs_are_cut_where_the_sdk_cuts_them(length: int) -> None:
    words = np.full(length, 255, np.uint8)
    assert list(encode_rle(words)) == sdk.encode_rle(words)
    np.testing.assert_array_equal(decode_rle(encode_rle(words)), words)


def test_a_view_that_is_not_contiguous_or_read_only() -> None:
    mask = np.arange(60, dtype=np.uint8).reshape(6, 10)[::2, 1::3]
    mask.flags.writeable = False
    assert list(encode_mask(mask)) == sdk.mask2rle(mask.copy())


@st.composite
def streams(draw: Any) -> tuple[bytes, int]:
    """Streams that no encoder of ours writes: other words, other run sizes, single words, a last run too long."""
    width, sizes = draw(st.integers(1, 8)), draw(st.tuples(*[st.integers(1, 8)] * 4))
    rng, runs, words = random.Random(draw(st.integers(0, 10**6))), [], 0
    for _ in range(draw(st.integers(0, 12))):
        choice = rng.randrange(4)
        length = rng.randint(1, 2 ** sizes[choice])
        values = [rng.randrange(2**width) for _ in range(rng.choice([1, length]))]
        runs.append((choice, length, values))
        words += length
    beyond = runs[-1][1] - 1 if runs and len(runs[-1][2]) == 1 else 0
    words -= draw(st.integers(0, beyond))
    return stream(words, runs, width=width, sizes=sizes) + draw(st.binary(max_size=3)), words


@AT_LEISURE
@given(streams())
def test_whatever_the_sdk_decodes(made: tuple[bytes, int]) -> None:
    data, words = made
    found = decode_rle(data)
    assert len(found) == words
    np.testing.assert_array_equal(found, sdk.decode_rle(data))
    if words and words % 4 == 0:
        np.testing.assert_array_equal(decode_mask(data, words // 4, 1)[0], found[3::4])


def test_the_alpha_of_a_coloured_brush() -> None:
    """The browser may store the brush's colour beside alpha: rows of single words."""
    picture = np.zeros((5, 7, 4), np.uint8)
    picture[1:4, 2:5] = (255, 160, 64, 200)
    values = [int(value) for value in picture.reshape(-1)]
    data = stream(len(values), [(2, len(values), values)], width=8, sizes=(3, 4, 8, 16))
    np.testing.assert_array_equal(decode_mask(data, 7, 5), picture[:, :, 3])


WHOLE = encode_mask((np.arange(99, dtype=np.uint8).reshape(9, 11) > 50).astype(np.uint8) * 255)


@pytest.mark.parametrize("length", range(7, len(WHOLE) - 1))
def test_cut_off_bytes_are_an_error_wherever_they_end(length: int) -> None:
    with pytest.raises(BrushRleError, match=r"ends at word \d+ of 396: it is cut off"):
        decode_mask(WHOLE[:length], 11, 9)


def test_errors_say_what_is_wrong() -> None:
    with pytest.raises(BrushRleError, match="of 3 bytes: its header alone takes 7"):
        decode_rle(b"abc")
    with pytest.raises(BrushRleError, match=r"396 words, but a mask of 9x12 has 432 .*original_width"):
        decode_mask(WHOLE, 9, 12)
    with pytest.raises(BrushRleError, match="announces 4294967295 words"):
        decode_rle(b"\xff" * 40)
    with pytest.raises(BrushRleError, match="8 single words from word 0 on, but it announces 5"):
        decode_rle(stream(5, [(0, 8, list(range(8)))], width=8, sizes=(3, 4, 8, 16)))
    with pytest.raises(BrushRleError, match="word 2 is 300, above 255"):
        decode_rle(stream(4, [(0, 2, [7]), (0, 2, [300])], width=9, sizes=(3, 4, 8, 16)))
    with pytest.raises(BrushRleError, match=r"this one has 256 at 1"):
        decode_rle([1, 256])
    with pytest.raises(BrushRleError, match=r"this one has 'a' at 0"):
        decode_rle("abc")  # type: ignore[arg-type]
    with pytest.raises(BrushRleError, match="not NoneType"):
        decode_rle(None)  # type: ignore[arg-type]


def test_what_cannot_be_encoded() -> None:
    with pytest.raises(BrushRleError, match=r"\(2, 2\) bool"):
        encode_mask(np.zeros((2, 2), bool))
    with pytest.raises(BrushRleError, match=r"\(2, 2, 3\) uint8"):
        encode_mask(np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(BrushRleError, match="0 words"):
        encode_mask(np.zeros((0, 5), np.uint8))


@AT_LEISURE
@given(st.binary(min_size=0, max_size=60))
def test_any_bytes_end_in_words_or_in_an_error(data: bytes) -> None:
    try:
        found = decode_rle(b"\0\0" + data)
    except BrushRleError:
        return
    np.testing.assert_array_equal(found, sdk.decode_rle(b"\0\0" + data))
