"""Smoothing over a burst must help what holds still or moves in sight, and leave the rest alone."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from stages.flow import Track
from stages.temporal import BurstTracks, fuse_neighbours, remove_flicker

STEP = 6


def still(frames: int, shape: tuple[int, int] = (4, 4), tracked: bool = True) -> BurstTracks:
    """Tracks of a burst without motion."""
    track = Track(np.zeros((*shape, 2), np.float32), np.full(shape, tracked))
    tracks = BurstTracks([])
    tracks.previous = [None] + [track] * (frames - 1)
    tracks.following = [track] * (frames - 1) + [None]
    return tracks


def moving_square(frames: int = 3) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """A textured square that moves STEP pixels a frame over a textured ground, and its masks."""
    random = np.random.default_rng(3)

    def smooth(height: int, width: int) -> np.ndarray:
        noise = cv2.GaussianBlur(random.random((height, width, 3)).astype(np.float32), (0, 0), 2)
        return ((noise - noise.min()) / np.ptp(noise) * 255).astype(np.uint8)

    ground, square = smooth(96, 128) // 2, smooth(40, 40) // 2 + 127
    images, masks = [], []
    for index in range(frames):
        image, mask = ground.copy(), np.zeros((96, 128), np.float32)
        left = 30 + STEP * index
        image[28:68, left : left + 40], mask[28:68, left : left + 40] = square, 1
        images.append(image)
        masks.append(mask)
    return images, masks


def test_neighbours_are_averaged_by_hand() -> None:
    maps = [np.full((4, 4), value, np.float32) for value in (0.0, 0.6, 0.9)]
    fused = fuse_neighbours(maps, still(3), weight=0.5)
    assert fused[0][0, 0] == pytest.approx(0.3 / 1.5)
    assert fused[1][0, 0] == pytest.approx((0.6 + 0.45) / 2)
    assert fused[2][0, 0] == pytest.approx((0.9 + 0.3) / 1.5)


def test_untracked_neighbours_have_no_say() -> None:
    maps = [np.full((4, 4), value, np.float32) for value in (0.0, 0.6, 0.9)]
    for before, after in zip(maps, fuse_neighbours(maps, still(3, tracked=False), weight=0.5), strict=True):
        np.testing.assert_allclose(after, before)
    for before, after in zip(maps, remove_flicker(maps, still(3, tracked=False), threshold=0.1), strict=True):
        np.testing.assert_array_equal(after, before)


def test_motion_is_not_smeared() -> None:
    images, masks = moving_square()
    tracks = BurstTracks(images)
    smeared = (masks[0] + 2 * masks[1] + masks[2]) / 4
    for smoothed in (fuse_neighbours(masks, tracks, weight=0.5)[1], remove_flicker(masks, tracks, threshold=0.1)[1]):
        wrong = ((smoothed >= 0.5) != (masks[1] >= 0.5)).sum()
        assert wrong <= 0.02 * masks[1].sum()
        assert np.abs(smoothed - masks[1]).sum() < 0.4 * np.abs(smeared - masks[1]).sum()


def test_a_hole_in_one_frame_of_a_moving_person_is_filled() -> None:
    images, masks = moving_square()
    broken = [masks[0], masks[1].copy(), masks[2]]
    broken[1][40:50, 50:60] = 0
    filled = remove_flicker(broken, BurstTracks(images), threshold=0.1)[1]
    assert filled[42:48, 52:58].min() > 0.8
    np.testing.assert_array_equal(remove_flicker(broken, BurstTracks(images), threshold=0.1)[0], broken[0])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((0.9, 0.1, 0.9), 0.9),  # the odd one out
        ((0.9, 0.5, 0.1), 0.5),  # the neighbours differ: motion
        ((0.9, 0.85, 0.9), 0.85),  # too small to be flicker
        ((0.9, 0.1, 0.15), 0.1),  # like one of them: a change
    ],
)
def test_one_frame_delay_rule(values: tuple[float, ...], expected: float) -> None:
    maps = [np.full((4, 4), value, np.float32) for value in values]
    assert remove_flicker(maps, still(3), threshold=0.1)[1][0, 0] == pytest.approx(expected)


def test_frames_of_unequal_size_are_left_alone() -> None:
    tracks = BurstTracks([np.zeros((20, 20, 3), np.uint8), np.zeros((20, 24, 3), np.uint8)])
    assert tracks.previous == [None, None] and tracks.following == [None, None]


def test_a_single_frame_passes() -> None:
    image, mask = np.zeros((20, 20, 3), np.uint8), np.full((20, 20), 0.3, np.float32)
    np.testing.assert_array_equal(fuse_neighbours([mask], BurstTracks([image]), weight=1)[0], mask)
