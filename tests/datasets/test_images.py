from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from datasets.images import decode_grey, decode_rgb, encode_jpeg, encode_png, reduction_to


@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9))))
@settings(max_examples=30, deadline=None)
def test_grey_png_is_lossless(grey):
    assert np.array_equal(decode_grey(encode_png(grey)), grey)


@given(arrays(np.uint8, st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3))))
@settings(max_examples=30, deadline=None)
def test_rgb_png_is_lossless_and_keeps_the_channel_order(image):
    assert np.array_equal(decode_rgb(encode_png(image)), image)


def test_jpeg_keeps_colours_in_order_and_near():
    image = np.zeros((16, 16, 3), np.uint8)
    image[..., 0], image[..., 1] = 200, 60
    assert np.abs(decode_rgb(encode_jpeg(image)).astype(int) - image).max() <= 4


@pytest.mark.parametrize("data", [b"", b"no image"])
def test_bytes_that_are_no_image_are_refused(data):
    with pytest.raises(ValueError, match="not an image"):
        decode_rgb(data)


@pytest.mark.parametrize("reduction", [2, 4, 8])
def test_a_reduced_jpeg_holds_the_mean_of_every_block_of_pixels(reduction):
    y, x = np.mgrid[:64, :96]
    image = np.stack([128 + 90 * np.sin(x / 9), 255 * (x > y), 2 * y + x / 2], axis=2).astype(np.uint8)
    means = image.reshape(64 // reduction, reduction, 96 // reduction, reduction, 3).mean(axis=(1, 3))
    small = decode_rgb(encode_jpeg(image), reduction=reduction)
    assert small.shape == means.shape
    assert np.abs(small - means).mean() < 1.5 and np.abs(small - means).max() < 30


def test_a_png_is_decoded_whole_whatever_is_asked():
    image = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(16, 16, 3)
    assert np.array_equal(decode_rgb(encode_png(image), reduction=4), image)


@given(st.integers(1, 4000), st.integers(1, 4000), st.floats(0, 20))
def test_a_reduction_divides_the_frame_and_never_goes_below_what_is_needed(width, height, surplus):
    found = reduction_to(width, height, surplus)
    assert found in (1, 2, 4, 8) and width % found == height % found == 0
    assert found == 1 or found <= surplus
    assert found == 8 or 2 * found > surplus or width % (2 * found) or height % (2 * found)
