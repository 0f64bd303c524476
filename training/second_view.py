"""A second, more disturbed look at a frame: the same pixels in another light, out of focus, with grain."""

from __future__ import annotations

import cv2
import numpy as np

from datasets.images import Image
from training.appearance import draw_colour, recolour
from training.config import AppearanceConfig

SIGMA, NOISE = 1.5, 9.0
"""Largest blur in pixels, and largest grain in grey levels."""


def second_view(image: Image, rng: np.random.Generator, config: AppearanceConfig) -> Image:
    """`(H, W, 3)` uint8 after a random light, blur and noise; nothing moves, so the same mask is right for both.

    Source: the colour, blur and noise of Alibaba's consistency constraint; amplitudes ours.
    """
    lit = recolour(image, draw_colour(rng, config, hue_deg=config.hue_deg))
    soft = cv2.GaussianBlur(lit, (0, 0), float(rng.uniform(0.1, SIGMA)))
    grain = rng.standard_normal(image.shape, dtype=np.float32) * np.float32(rng.uniform(0, NOISE))
    return np.asarray(np.clip(soft + grain, 0, 255), dtype=np.uint8)
