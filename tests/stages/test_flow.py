"""Optical flow on pictures whose motion is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from stages.flow import UNTRACKED, track_pair, tracked, warp


def texture(height: int = 96, width: int = 128, seed: int = 0) -> np.ndarray:
    """A smooth random picture, `(height, width, 3)` uint8: flow needs texture everywhere."""
    noise = np.random.default_rng(seed).random((height, width, 3)).astype(np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), 2.5)
    return ((smooth - smooth.min()) / np.ptp(smooth) * 255).astype(np.uint8)


def test_follows_a_shift() -> None:
    first = texture()
    second = np.roll(first, (2, 5), axis=(0, 1))
    forward, backward = track_pair(first, second)
    inner = np.s_[16:-16, 16:-16]
    assert np.median(forward.flow[inner], axis=(0, 1)) == pytest.approx([5, 2], abs=0.2)
    assert np.median(backward.flow[inner], axis=(0, 1)) == pytest.approx([-5, -2], abs=0.2)
    assert forward.tracked[inner].mean() > 0.98
    grey = first[..., 0].astype(np.float32)
    seen = warp(np.roll(grey, (2, 5), axis=(0, 1)), forward.flow)
    assert np.abs(seen - grey)[inner].mean() < 6


def test_unrelated_pictures_are_tracked_far_less() -> None:
    unrelated, _ = track_pair(texture(seed=1), texture(seed=2))
    related, _ = track_pair(texture(seed=1), np.roll(texture(seed=1), 2, axis=1))
    assert unrelated.tracked.mean() < related.tracked.mean() - 0.25


def test_the_check_is_on_the_squared_distance() -> None:
    there = np.zeros((20, 20, 2), np.float32)
    back = np.zeros((20, 20, 2), np.float32)
    back[:, :10, 0] = np.sqrt(UNTRACKED) - 0.01
    back[:, 10:, 0] = np.sqrt(UNTRACKED) + 0.01
    check = tracked(there, back)
    assert check[:, :10].all() and not check[:, 10:].any()


def test_what_leaves_the_frame_is_not_tracked() -> None:
    there = np.zeros((10, 10, 2), np.float32)
    there[..., 0] = 3
    check = tracked(there, -there)
    assert check[:, :7].all() and not check[:, 7:].any()


def test_warp_samples_where_the_flow_points() -> None:
    values = np.arange(12, dtype=np.float32).reshape(3, 4)
    flow = np.zeros((3, 4, 2), np.float32)
    flow[..., 0] = 0.5
    assert warp(values, flow)[1] == pytest.approx([4.5, 5.5, 6.5, 7])


@pytest.mark.parametrize("size", [(1, 1), (12, 40), (17, 9), (33, 31)])
def test_tiny_pictures_keep_their_size(size: tuple[int, int]) -> None:
    picture = texture()[: size[0], : size[1]]
    forward, backward = track_pair(picture, picture)
    assert forward.flow.shape == (*size, 2) and backward.tracked.shape == size
    assert np.abs(forward.flow).max() < 0.5


def test_refuses_unequal_sizes() -> None:
    with pytest.raises(ValueError, match="equal size"):
        track_pair(texture(40, 40), texture(40, 44))
