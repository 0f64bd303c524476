"""Label Studio's brush RLE (`format: rle` of `brushlabels`): masks to bytes and back, bit for bit as its SDK does it.

A stream of bits, the highest of each byte first: how many words follow (32 bits), bits of a word - 1 (5), and four run
sizes - 1 (4 each); then runs: 1 bit "all the same" or 0 "each its own", 2 bits that choose a run size, length - 1 in
as many bits, and the one word or all of them. Words are the bytes of an RGBA picture, row by row; its alpha is the
mask. Source: K. Schmidt, rle-pack of thi.ng/umbrella; Label Studio's SDK (`label_studio_sdk.converter.brush`).

The kernels are compiled on first use on a machine (a few seconds) and kept beside this file or in `NUMBA_CACHE_DIR`.
Importing numba takes half a second: import this module where it is needed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from datasets.images import Grey
from datasets.media import MAX_IMAGE_PIXELS

Rle = bytes | Sequence[int] | NDArray[np.uint8]
"""The encoded bytes, or the list of numbers 0-255 that Label Studio's JSON holds."""

CHANNELS = 4
"""Words a pixel: red, green, blue, alpha."""
_HEADER_BITS = 32 + 5 + 4 * 4
_WORST_BITS = 14
"""Bits a word takes where every word differs from the one before it."""
_DONE, _CUT_OFF, _TOO_LONG, _TOO_WIDE = range(4)
Bytes = NDArray[np.uint8]


class BrushRleError(ValueError):
    """The bytes are no brush RLE of such a mask, or the mask cannot be encoded. The message says what is wrong."""


def encode_mask(mask: Grey) -> bytes:
    """RLE of an `(H, W)` uint8 mask; `list()` of it is `label_studio_sdk.converter.brush.mask2rle(mask)`.

    All four channels of a pixel get the mask's value. Label Studio shows where it is above 0, 255 is opaque.

    Raises:
        BrushRleError: the mask is not `(H, W)` uint8, or has no pixels.
    """
    if mask.ndim != 2 or mask.dtype != np.uint8:
        raise BrushRleError(f"a mask is (H, W) uint8, this one {mask.shape} {mask.dtype}")
    return _encoded(mask.reshape(-1), CHANNELS)


def encode_rle(words: Bytes) -> bytes:
    """RLE of any `(N,)` uint8 words, for example a flat RGBA picture; `list()` of it is the SDK's `encode_rle(words)`.

    Raises:
        BrushRleError: the words are not `(N,)` uint8, or there are none.
    """
    if words.ndim != 1 or words.dtype != np.uint8:
        raise BrushRleError(f"words are (N,) uint8, these are {words.shape} {words.dtype}")
    return _encoded(words, 1)


def decode_mask(rle: Rle, width: int, height: int) -> Grey:
    """The `(height, width)` uint8 mask: the alpha channel of the RLE's picture. What a brush painted is anti-aliased.

    Args:
        rle: of Label Studio's own encoder (in the browser) or of its SDK's.
        width, height: `original_width` and `original_height` of the annotation, in pixels.

    Raises:
        BrushRleError: the bytes are broken, or the picture is of another size.
    """
    data = _bytes(rle)
    words = _announced(data)
    if min(width, height) < 1 or words != width * height * CHANNELS:
        raise BrushRleError(
            f"brush RLE of {words} words, but a mask of {width}x{height} has {width * height * CHANNELS} (4 a pixel): "
            "the annotation's original_width and original_height are not those of its mask"
        )
    return _decoded(data, words, CHANNELS).reshape(height, width)


def decode_rle(rle: Rle) -> Bytes:
    """All words, `(N,)` uint8, as the SDK's `decode_rle` returns them.

    Raises:
        BrushRleError: the bytes are broken. The SDK takes a last word that is cut off for a smaller number; here it is
            an error.
    """
    data = _bytes(rle)
    return _decoded(data, _announced(data), 1)


def _encoded(words: Bytes, repeat: int) -> bytes:
    count = len(words) * repeat
    if not 0 < count < 2**32:
        raise BrushRleError(f"{count} words to encode: between 1 and 2**32 - 1 fit into brush RLE")
    out = np.empty((_HEADER_BITS + _WORST_BITS * len(words)) // 8 + 2, np.uint8)
    return out[: _encode(_read_only(words), repeat, out)].tobytes()


def _decoded(data: Bytes, words: int, channels: int) -> Bytes:
    out = np.zeros(words // channels, np.uint8)
    state, at, length = _decode(data, words, channels, out)
    if state == _CUT_OFF:
        raise BrushRleError(
            f"brush RLE of {len(data)} bytes ends at word {at} of {words}: it is cut off; fetch the annotation again"
        )
    if state == _TOO_LONG:
        raise BrushRleError(
            f"brush RLE: {length} single words from word {at} on, but it announces {words} in all: the bytes are "
            "damaged; fetch the annotation again"
        )
    if state == _TOO_WIDE:
        raise BrushRleError(f"brush RLE: word {at} is {length}, above 255: not the bytes of a picture")
    return out


def _bytes(rle: Rle) -> Bytes:
    if isinstance(rle, np.ndarray):
        if rle.ndim != 1 or rle.dtype != np.uint8:
            raise BrushRleError(f"brush RLE is (N,) uint8, this is {rle.shape} {rle.dtype}")
        return _read_only(rle)
    if not isinstance(rle, Sequence):
        raise BrushRleError(f"brush RLE is a list of numbers 0-255, not {type(rle).__name__}")
    try:
        return np.frombuffer(bytes(rle), np.uint8)  # which is read-only; bytes of bytes are no copy
    except (ValueError, TypeError) as error:
        wrong = next((f"{v!r} at {i}" for i, v in enumerate(rle) if not (isinstance(v, int) and 0 <= v < 256)), error)
        raise BrushRleError(f"brush RLE is a list of numbers 0-255, this one has {wrong}") from error


def _read_only(values: Bytes) -> Bytes:
    """A contiguous view; numba compiles once more for arrays that may be written to."""
    view = np.ascontiguousarray(values).view()
    view.flags.writeable = False
    return view


def _announced(data: Bytes) -> int:
    if len(data) * 8 < _HEADER_BITS:
        raise BrushRleError(f"brush RLE of {len(data)} bytes: its header alone takes {-(-_HEADER_BITS // 8)}")
    words = int.from_bytes(data[:4].tobytes(), "big")
    if words > CHANNELS * MAX_IMAGE_PIXELS:
        raise BrushRleError(f"brush RLE announces {words} words, more than any picture has: the bytes are damaged")
    return words


def _kernel(function: Any) -> Any:
    """Compiled once a machine; the types of numba are not known to mypy."""
    return njit(cache=True, nogil=True)(function)


@_kernel
def _encode(words: Any, repeat: Any, out: Any) -> Any:
    """Write the stream of `words`, each `repeat` times, into `out`; returns how many bytes it takes."""
    size = len(words)
    total = size * repeat
    for index in range(4):
        out[index] = (total >> (24 - 8 * index)) & 255
    # 8-bit words (00111), run sizes 3, 4, 8 and 16 (0010 0011 0111 1111): 21 bits, two bytes of which are whole
    out[4], out[5] = 0b00111001, 0b00011011
    bits, held, at = 0b11111, 5, 6
    start = 0
    while start < size:
        value = words[start]
        end = start + 1
        while end < size and words[end] == value:
            end += 1
        left = (end - start) * repeat
        start = end
        if left <= 8:
            same = 0 if left == 1 else 1  # the SDK writes one word as a run of its own kind
            code, width = (same << 5) | (left - 1), 6
        elif left <= 16:
            code, width = (0b101 << 4) | (left - 1), 7
        elif left <= 256:
            code, width = (0b110 << 8) | (left - 1), 11
        else:
            while left > 65536:
                bits = (bits << 27) | (((0b111 << 16) | 65535) << 8) | value
                held += 27
                while held >= 8:
                    held -= 8
                    out[at] = (bits >> held) & 255
                    at += 1
                bits &= 127
                left -= 65536
            code, width = (0b111 << 16) | (left - 1), 19
        bits = (bits << (width + 8)) | (code << 8) | value
        held += width + 8
        while held >= 8:
            held -= 8
            out[at] = (bits >> held) & 255
            at += 1
        bits &= 127  # fewer than eight bits are held
    out[at] = (bits << (8 - held)) & 255  # a whole byte of zeros where the last one is full, as the SDK has it
    return at + 1


@_kernel
def _decode(data: Any, words: Any, channels: Any, out: Any) -> Any:
    """Write the last of every `channels` words into `out`, which is zeros.

    Returns `(state, word it happened at, its value or the run's length)`.
    """
    size = len(data) * 8
    head = 0
    for index in range(3, 7):
        head = (head << 8) | data[index]
    width = ((head >> 19) & 31) + 1
    run_bits = np.empty(4, np.int64)
    for index in range(4):
        run_bits[index] = ((head >> (15 - 4 * index)) & 15) + 1
    read = 53  # bits taken
    at, bits, held = 7, head & 7, 3
    word = 0
    while word < words:
        if read + 3 > size:
            return _CUT_OFF, word, 0
        while held < 3:
            bits, held, at = (bits << 8) | data[at], held + 8, at + 1
        held -= 3
        code = (bits >> held) & 7
        bits &= (1 << held) - 1
        need = run_bits[code & 3]
        read += 3 + need
        if read > size:
            return _CUT_OFF, word, 0
        while held < need:
            bits, held, at = (bits << 8) | data[at], held + 8, at + 1
        held -= need
        length = (bits >> held) + 1
        bits &= (1 << held) - 1
        same = code >> 2
        if not same and word + length > words:
            return _TOO_LONG, word, length
        for _ in range(1 if same else length):
            read += width
            if read > size:
                return _CUT_OFF, word, 0
            while held < width:
                bits, held, at = (bits << 8) | data[at], held + 8, at + 1
            held -= width
            value = bits >> held
            bits &= (1 << held) - 1
            if value > 255:
                return _TOO_WIDE, word, value
            after = min(word + length, words) if same else word + 1
            if value:
                out[word // channels : after // channels] = value
            word = after
    return _DONE, word, 0
