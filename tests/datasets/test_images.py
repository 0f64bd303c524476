from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from datasets.images import decode_grey, decode_rgb, encode_jpeg, encode_png


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
