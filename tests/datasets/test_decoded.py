from __future__ import annotations

import numpy as np
import pytest

from datasets import decoded
from datasets.decoded import DecodedFrames
from datasets.images import decode_rgb, encode_jpeg


@pytest.fixture
def calls(monkeypatch):
    """Every real decoding."""
    made = []

    def counting(data, *, reduction):
        made.append(reduction)
        return decode_rgb(data, reduction=reduction)

    monkeypatch.setattr(decoded, "decode_rgb", counting)
    return made


def picture(value):
    return encode_jpeg(np.full((16, 16, 3), value, np.uint8))


def test_the_same_bytes_are_decoded_once_for_each_size(calls):
    frames = DecodedFrames()
    first = frames.decode(picture(10), 2)
    assert frames.decode(picture(10), 2) is first
    assert frames.decode(picture(10)).shape == (16, 16, 3) and frames.decode(picture(200), 2) is not first
    assert calls == [2, 1, 2]
    assert np.array_equal(first, decode_rgb(picture(10), reduction=2))


def test_the_longest_unused_frames_are_forgotten_first(calls):
    one = 16 * 16 * 3 + len(picture(10))
    frames = DecodedFrames(limit=2 * one + one // 2)
    for value in (10, 20, 10, 30, 10, 20):
        frames.decode(picture(value))
    assert len(calls) == 4  # 20 alone was forgotten, for 30


def test_a_frame_larger_than_the_limit_is_still_decoded():
    frames = DecodedFrames(limit=1)
    assert frames.decode(picture(10)).shape == frames.decode(picture(20)).shape == (16, 16, 3)


def test_nobody_can_write_into_a_frame_that_others_share():
    with pytest.raises(ValueError, match="read-only"):
        DecodedFrames().decode(picture(10))[0, 0] = 0
