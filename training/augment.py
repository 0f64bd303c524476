"""Augmentation of the student's frames: one crop and one light for the whole sample, in cheap 8-bit operations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.images import Grey, Image, decode_rgb, encode_jpeg
from training.config import AugmentConfig


@dataclass(frozen=True)
class View:
    """One draw of the augmentation, applied alike to every frame of a sample.

    Attributes:
        matrix: `(2, 3)` affine from source pixels to student pixels, for `cv2.warpAffine`.
        colours: colour transforms of the person and of the rest (the same one unless relit).
        sigma: Gaussian blur in pixels, 0 for none. noise: standard deviation in grey levels, 0 for none.
        quality: JPEG quality of a compression round trip, 0 for none. seed: of the noise.
    """

    matrix: NDArray[np.float64]
    colours: tuple[Colour, Colour]
    sigma: float
    noise: float
    quality: int
    seed: int


@dataclass(frozen=True)
class Colour:
    """`table[channel]` after a `(3, 3)` colour matrix: gamma, contrast, balance after hue and saturation."""

    matrix: NDArray[np.float32]
    table: NDArray[np.uint8]


def draw_view(
    rng: np.random.Generator, source: tuple[int, int], target: tuple[int, int], config: AugmentConfig
) -> View:
    """A random view of a `source` (height, width) frame at `target` (height, width)."""
    person = _draw_colour(rng, config)
    rest = _draw_colour(rng, config) if rng.random() < config.relight else person
    return View(
        matrix=_draw_crop(rng, source, target, config),
        colours=(person, rest),
        sigma=float(rng.uniform(0.4, 1.6)) if rng.random() < config.blur else 0.0,
        noise=float(rng.uniform(1, 9)) if rng.random() < config.noise else 0.0,
        quality=int(rng.integers(25, 90)) if rng.random() < config.jpeg else 0,
        seed=int(rng.integers(2**32)),
    )


def view_image(image: Image, alpha: Grey, view: View, target: tuple[int, int]) -> Image:
    """The `(H, W, 3)` frame under `view` at `target` (height, width); `alpha` tells the person from the rest."""
    person, rest = view.colours
    warped = warp(image, view.matrix, target)
    lit = _recolour(warped, person)
    if rest is not person:
        matte = warp(alpha, view.matrix, target)[..., None].astype(np.uint16)
        lit = ((lit * matte + _recolour(warped, rest) * (255 - matte) + 127) // 255).astype(np.uint8)
    if view.sigma:
        lit = np.asarray(cv2.GaussianBlur(lit, (0, 0), view.sigma), dtype=np.uint8)
    if view.noise:
        grain = np.random.default_rng(view.seed).standard_normal(lit.shape, dtype=np.float32) * view.noise
        lit = np.clip(lit + grain, 0, 255).astype(np.uint8)
    return decode_rgb(encode_jpeg(lit, quality=view.quality)) if view.quality else lit


def warp(pixels: NDArray[np.uint8], matrix: NDArray[np.float64], target: tuple[int, int]) -> NDArray[np.uint8]:
    """`pixels` under the affine at `target` (height, width); outside it is mirrored, image and alpha alike."""
    height, width = target
    size = (width, height)
    return np.asarray(
        cv2.warpAffine(pixels, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101), dtype=np.uint8
    )


def _draw_crop(
    rng: np.random.Generator, source: tuple[int, int], target: tuple[int, int], config: AugmentConfig
) -> NDArray[np.float64]:
    """A crop that may reach past every side but the lower one, where bodies leave the frame."""
    scale = rng.uniform(config.crop_min, config.crop_max)
    stretch = np.exp(rng.uniform(-config.aspect, config.aspect) / 2)
    width, height = scale * stretch, scale / stretch
    margin = max(config.crop_max - 1, 0)
    left = _place(rng, width, -margin, 1 + margin)
    top = _place(rng, height, -margin, 1.0)
    matrix = _crop_matrix(source, target, (left, top, left + width, top + height))
    middle = (target[1] / 2 - 0.5, target[0] / 2 - 0.5)
    turn = cv2.getRotationMatrix2D(middle, rng.uniform(-config.rotation_deg, config.rotation_deg), 1.0)
    flip = np.diag([-1.0, 1.0, 1.0]) if rng.random() < config.flip else np.eye(3)
    flip[0, 2] = target[1] - 1 if flip[0, 0] < 0 else 0
    return np.asarray((flip @ _square(turn) @ _square(matrix))[:2], dtype=np.float64)


def _place(rng: np.random.Generator, length: float, low: float, high: float) -> float:
    first, last = low, high - length
    return float(rng.uniform(first, last)) if first < last else last


def _crop_matrix(
    source: tuple[int, int], target: tuple[int, int], crop: tuple[float, float, float, float]
) -> NDArray[np.float64]:
    """Maps the crop (fractions x0, y0, x1, y1 of the source) to the target, in pixel-centre coordinates."""
    x0, y0, x1, y1 = crop
    sx = target[1] / ((x1 - x0) * source[1])
    sy = target[0] / ((y1 - y0) * source[0])
    return np.array(
        [
            [sx, 0.0, (0.5 - x0 * source[1]) * sx - 0.5],
            [0.0, sy, (0.5 - y0 * source[0]) * sy - 0.5],
        ]
    )


def _square(matrix: NDArray[Any]) -> NDArray[np.float64]:
    return np.vstack([matrix, [0.0, 0.0, 1.0]])


def _draw_colour(rng: np.random.Generator, config: AugmentConfig) -> Colour:
    angle = np.deg2rad(rng.uniform(-config.hue_deg, config.hue_deg))
    saturation = 0.0 if rng.random() < config.grey else 1 + rng.uniform(-config.saturation, config.saturation)
    gamma = np.exp(rng.uniform(-config.gamma, config.gamma))
    gain = 1 + rng.uniform(-config.contrast, config.contrast)
    shift = rng.uniform(-config.brightness, config.brightness)
    balance = 1 + rng.uniform(-config.white_balance, config.white_balance, size=3)
    ramp = np.linspace(0, 1, 256) ** gamma
    curves = (gain * (ramp[:, None] - 0.5) + 0.5 + shift) * balance
    return Colour(_hue_saturation(angle, saturation), np.clip(curves * 255 + 0.5, 0, 255).astype(np.uint8))


def _hue_saturation(angle: float, saturation: float) -> NDArray[np.float32]:
    """`(3, 3)` RGB matrix: rotation of the chroma plane of YIQ by `angle` and its scaling by `saturation`."""
    to_yiq = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
    cos, sin = saturation * np.cos(angle), saturation * np.sin(angle)
    turn = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    return np.asarray(np.linalg.inv(to_yiq) @ turn @ to_yiq, dtype=np.float32)


def _recolour(image: Image, colour: Colour) -> Image:
    turned = cv2.transform(image, colour.matrix)
    return np.asarray(cv2.LUT(turned, colour.table.reshape(256, 1, 3)), dtype=np.uint8)
