from __future__ import annotations

import cv2
import numpy as np

from stages.guided_filter import upsample_alpha


def disk(size, scale=1.0):
    rows, columns = np.mgrid[:size, :size]
    centre = (size - 1) / 2
    return np.hypot(rows - centre, columns - centre) < 0.3 * size * scale


def test_equal_sizes_pass_through():
    alpha = disk(32).astype(np.uint8) * 255
    assert upsample_alpha(alpha, np.zeros((32, 32, 3), np.uint8)) is alpha


def test_edges_follow_the_picture_better_than_plain_resizing():
    truth = disk(256)
    image = np.where(truth[..., None], (220, 180, 160), (30, 60, 40)).astype(np.uint8)
    small = cv2.resize(truth.astype(np.uint8) * 255, (32, 32), interpolation=cv2.INTER_AREA)
    plain = cv2.resize(small, (256, 256))
    guided = upsample_alpha(small, image)
    target = truth.astype(int) * 255
    assert np.abs(guided - target).mean() < 0.5 * np.abs(plain - target).mean()


def test_flat_regions_stay_exact_whatever_the_picture_does():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (128, 128, 3), dtype=np.uint8)
    small = np.zeros((64, 64), np.uint8)
    small[:, 32:] = 255
    guided = upsample_alpha(small, image, radius=2)
    assert (guided[:, :58] == 0).all() and (guided[:, 70:] == 255).all()
