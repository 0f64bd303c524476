"""Matting on a composite whose alpha is known."""

from __future__ import annotations

import numpy as np
import pytest

from stages.matting import MattingConfig, foreground_colours, matte
from stages.trimap import BACKGROUND, FOREGROUND, UNKNOWN

RED, BLUE = np.array([220, 60, 40]), np.array([30, 70, 160])


def soft_edge() -> tuple[np.ndarray, np.ndarray]:
    """Image and alpha: red on blue, alpha a ramp over columns 24 to 36, both colours varying along lines."""
    alpha = np.clip((36 - np.arange(60)) / 12, 0, 1)[None, :].repeat(48, axis=0)
    shade = np.linspace(0.8, 1.1, 48)[:, None, None]
    image = alpha[..., None] * RED * shade + (1 - alpha[..., None]) * BLUE * shade[::-1]
    return np.clip(image, 0, 255).astype(np.uint8), alpha.astype(np.float32)


def banded(alpha: np.ndarray) -> np.ndarray:
    trimap = np.full(alpha.shape, BACKGROUND, np.uint8)
    trimap[:, :22] = FOREGROUND
    trimap[:, 22:39] = UNKNOWN
    return trimap


def test_recovers_a_soft_edge_that_the_votes_had_hard() -> None:
    image, alpha = soft_edge()
    trimap, hard = banded(alpha), (alpha >= 0.5).astype(np.float32)
    solved = matte(image, trimap, hard, MattingConfig(prior_weight=1e-4))
    assert np.abs(solved - alpha).mean() < 0.01 and np.abs(solved - alpha).max() < 0.12
    assert np.abs(hard - alpha).max() > 0.4
    assert solved.dtype == np.float32 and solved.min() >= 0 and solved.max() <= 1


def test_moves_the_edge_to_where_the_picture_has_it() -> None:
    image = np.where(np.arange(60)[None, :, None] < 30, RED, BLUE).repeat(48, axis=0).astype(np.uint8)
    prior = np.zeros((48, 60), np.float32)
    prior[:, :26] = 1  # the votes are four pixels off
    solved = matte(image, banded(prior), prior, MattingConfig(prior_weight=0.001))
    assert (solved[:, :30] > 0.5).all() and (solved[:, 30:] < 0.5).all()


def test_sure_pixels_are_untouched_and_a_heavy_prior_wins() -> None:
    image, alpha = soft_edge()
    trimap = banded(alpha)
    prior = np.where(trimap == UNKNOWN, np.float32(0.3), trimap == FOREGROUND).astype(np.float32)
    solved = matte(image, trimap, prior, MattingConfig(prior_weight=1e4))
    np.testing.assert_array_equal(solved[trimap == FOREGROUND], 1)
    np.testing.assert_array_equal(solved[trimap == BACKGROUND], 0)
    np.testing.assert_allclose(solved[trimap == UNKNOWN], 0.3, atol=1e-3)


def test_a_large_band_is_solved_smaller_and_still_right() -> None:
    image, alpha = soft_edge()
    trimap = banded(alpha)
    solved = matte(image, trimap, alpha, MattingConfig(prior_weight=0.001, max_unknown=250))
    assert np.abs(solved - alpha).mean() < 0.03
    np.testing.assert_array_equal(solved[trimap == BACKGROUND], 0)


@pytest.mark.parametrize("shape", [(1, 1), (2, 5), (3, 3)])
def test_tiny_unknown_pictures(shape: tuple[int, int]) -> None:
    trimap = np.full(shape, UNKNOWN, np.uint8)
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    solved = matte(image, trimap, np.full(shape, 0.7, np.float32), MattingConfig())
    assert solved.shape == shape
    np.testing.assert_allclose(solved, 0.7, atol=1e-3)


def test_switched_off_alpha_is_the_prior_in_the_band() -> None:
    image, alpha = soft_edge()
    solved = matte(image, banded(alpha), np.full_like(alpha, 0.4), MattingConfig(enabled=False))
    assert (solved[:, 22:39] == np.float32(0.4)).all() and (solved[:, :22] == 1).all()


def test_foreground_colours_lose_the_background() -> None:
    image, alpha = soft_edge()
    colours = foreground_colours(image, alpha).astype(int)
    mixed = np.s_[10:38, 30:35]  # at most half foreground
    blueness = (colours[..., 2] - colours[..., 0])[mixed].mean()
    assert blueness < -100 < (image[..., 2].astype(int) - image[..., 0])[mixed].mean()


def test_without_foreground_the_colours_are_the_image() -> None:
    image, alpha = soft_edge()
    np.testing.assert_array_equal(foreground_colours(image, np.zeros_like(alpha)), image)
