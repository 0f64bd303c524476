from __future__ import annotations

import subprocess
import sys

import av
import cv2
import numpy as np
import pytest

from stages.effects import CodecError, through_h264, wrap_light


def _person() -> np.ndarray:
    alpha = np.zeros((100, 140), np.uint8)
    alpha[:, 50:90] = 255
    return alpha


def test_light_wraps_by_half_at_the_rim_of_a_straight_edge_and_fades_inside() -> None:
    alpha = np.zeros((100, 140), np.uint8)
    alpha[:, 70:] = 255
    image, bright = np.full((100, 140, 3), 50, np.uint8), np.full((100, 140, 3), 250, np.uint8)
    lit = wrap_light(image, alpha, bright, 1.0)[50, :, 0].astype(int)
    assert lit[70] == pytest.approx(50 + 0.4 * 200, abs=8)  # the blurred alpha of the first pixel inside is 0.6
    assert (np.diff(lit[70:]) <= 0).all()
    assert (lit[80:] == 50).all()  # five deviations in
    assert (lit[:70] == 50).all()  # and nothing outside
    half = wrap_light(image, alpha, bright, 0.5)[50, 70, 0]
    assert half == pytest.approx(50 + (lit[70] - 50) / 2, abs=1)


def test_a_dark_background_does_not_darken_a_person() -> None:
    image = np.full((100, 140, 3), 180, np.uint8)
    np.testing.assert_array_equal(wrap_light(image, _person(), np.zeros_like(image), 1.0), image)


def _frames(shape: tuple[int, int] = (72, 128)) -> list[np.ndarray]:
    rng = np.random.default_rng(4)
    scene = cv2.GaussianBlur(rng.integers(0, 256, (*shape, 3), dtype=np.uint8), (0, 0), 3)
    return [np.roll(scene, 3 * index, axis=1) for index in range(4)]


def test_a_codec_keeps_the_picture_and_loses_more_at_higher_factors() -> None:
    frames = _frames()
    losses = [
        np.mean([np.abs(one.astype(int) - other).mean() for one, other in zip(frames, coded, strict=True)])
        for coded in (through_h264(frames, factor) for factor in (20, 30, 40))
    ]
    assert 0 < losses[0] < losses[1] < losses[2] < 25


def test_the_same_frames_come_back_the_same_in_their_order_and_size() -> None:
    for shape in ((72, 128), (71, 95)):
        frames = _frames(shape)
        once, twice = through_h264(frames, 28), through_h264(frames, 28)
        assert len(once) == 4
        for index, (one, other) in enumerate(zip(once, twice, strict=True)):
            assert one.shape == (*shape, 3) and one.flags.c_contiguous
            np.testing.assert_array_equal(one, other)
            errors = [np.abs(one.astype(int) - frame).mean() for frame in frames]
            assert int(np.argmin(errors)) == index


_ENCODE = """
import hashlib
import numpy as np
from stages.effects import through_h264
rng, digest = np.random.default_rng(0), hashlib.sha256()
for _ in range(60):
    blocks = rng.integers(0, 255, (12, 16, 3), dtype=np.uint8).repeat(4, 0).repeat(4, 1)
    for frame in through_h264([np.roll(blocks, 2 * index, axis=1) for index in range(3)], 28):
        digest.update(frame.tobytes())
print(digest.hexdigest())
"""


def test_every_process_gets_the_same_pixels() -> None:
    # side by side, since x264's AVX-512 code differs in up to one encoding of a hundred where the processor is busy
    runs = [subprocess.Popen([sys.executable, "-c", _ENCODE], stdout=subprocess.PIPE) for _ in range(4)]
    digests = [run.communicate()[0] for run in runs]
    assert digests[0] and len(set(digests)) == 1


def test_without_an_encoder_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(av, "codecs_available", {"mpeg4"})
    with pytest.raises(CodecError, match="h264_probability: 0"):
        through_h264(_frames(), 28)
