"""Chroma keying: how much of each pixel is screen, and the foreground colours without the screen's spill."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.images import Grey, Image

Floats = NDArray[np.float32]

LOW, HIGH = 0.08, 0.92
"""Fractions of the screen's local level: below LOW a pixel is foreground, above HIGH it is screen."""
SURE = 0.75
"""Fraction of the level above which a pixel is surely screen: such pixels tell the local level and colour."""
MIN_LEVEL = 40
"""A screen's key colour exceeds its other channels by at least this much (of 255)."""
MIN_CONFIDENCE = 0.5
CHROMA_BLEED = 3
"""Pixels by which subsampled chroma carries the screen's colour into solid foreground."""
BAND = 0.025
"""Pixels mixed of screen and foreground lie within this fraction of the diagonal of both."""


@dataclass(frozen=True)
class Screen:
    """A blue or green screen found in a frame.

    Attributes:
        channel: index of the key colour in RGB: 1 green, 2 blue.
        level: median of `screen_difference` over the screen, 0-255.
        coverage: fraction of the frame that is screen, 0-1.
        confidence: 0-1, how much this looks like a keying screen rather than sky or a shirt.
    """

    channel: int
    level: float
    coverage: float
    confidence: float

    @property
    def colour(self) -> str:
        return "green" if self.channel == 1 else "blue"


@dataclass(frozen=True)
class Keyed:
    """A keyed frame.

    Attributes:
        alpha: `(H, W)` uint8, 255 = foreground, exactly 0 on the screen and exactly 255 inside.
        foreground: `(H, W, 3)` uint8 RGB, despilled; where alpha is small, colours spread from the nearest foreground.
    """

    alpha: Grey
    foreground: Image


def screen_difference(image: Image | Floats, channel: int) -> Floats:
    """`(H, W)` float32, d = key − max(the other two channels): positive on the screen, −255 to 255."""
    others = [index for index in range(3) if index != channel]
    difference = image[..., channel].astype(np.float32) - image[..., others].max(axis=2)
    return np.asarray(difference, np.float32)


def estimate_screen(image: Image) -> Screen | None:
    """The blue or green screen behind `image` `(H, W, 3)`, or None when there is none to key.

    A screen is saturated, even, covers a good part of the picture including its sides, and few pixels lie between it
    and the rest. A deep blue sky or a lawn can pass in a single frame: whoever keys unasked should check the alpha
    against person boxes.
    """
    small = _thumbnail(image)
    candidates = [_screen_of(small, channel) for channel in (1, 2)]
    best = max(candidates, key=lambda screen: screen.confidence)
    return best if best.confidence >= MIN_CONFIDENCE else None


def key(image: Image, screen: Screen) -> Keyed:
    """Alpha and despilled foreground of `image` `(H, W, 3)` before `screen`.

    With L the screen's level and B the bluest foreground's level around the pixel, (d − B) / (L − B) is the share of
    screen in the pixel; alpha = 1 − clip((share − LOW) / (HIGH − LOW), 0, 1). The maximum in d is convex, so a mixed
    pixel looks like more screen than it is; key − (the channel that is larger in the foreground nearby) is linear, and
    the larger of both alphas holds. A bluish shirt far from any screen pixel is solid, and a dark fold of the screen
    far from any foreground is screen: mixed pixels exist only near both. The foreground solves C = αF + (1 − α)S for
    F and is then clamped: key ≤ max(others).
    """
    difference = screen_difference(image, screen.channel)
    sure = difference >= SURE * screen.level
    if not sure.any():
        return Keyed(np.full(image.shape[:2], 255, np.uint8), image.copy())
    height, width = image.shape[:2]
    diagonal = float(np.hypot(height, width))
    surface = _spread(image.astype(np.float32), sure, 0.05 * diagonal)
    level = np.maximum(screen_difference(surface, screen.channel), 1)
    core = _inside(difference <= LOW * level, CHROMA_BLEED)
    base = _foreground_level(difference, level, core, 0.01 * diagonal)
    alpha = _alpha(difference, level, base)
    if core.any():
        nearby = _spread(image.astype(np.float32), core, 0.01 * diagonal)
        rival = _larger_other(nearby, screen.channel)
        linear = _alpha(_key_minus(image, screen.channel, rival), _key_minus(surface, screen.channel, rival), base)
        alpha = np.maximum(alpha, linear)
    alpha = _solidify(alpha, BAND * diagonal)
    foreground = _unmix(image, alpha, surface)
    return Keyed(np.asarray(np.rint(alpha * 255), np.uint8), _despill(foreground, screen.channel))


def _alpha(difference: Floats, level: Floats, base: Floats) -> Floats:
    share = (difference - base) / np.maximum(level - base, 1)
    return np.asarray(1 - np.clip((share - LOW) / (HIGH - LOW), 0, 1), np.float32)


def _larger_other(colours: Floats, channel: int) -> NDArray[np.int64]:
    """`(H, W)` index of the larger one of the two channels that are not the key."""
    others = [index for index in range(3) if index != channel]
    return np.asarray(np.where(colours[..., others[0]] >= colours[..., others[1]], *others), np.int64)


def _key_minus(colours: Image | Floats, channel: int, rival: NDArray[np.int64]) -> Floats:
    picked = np.take_along_axis(colours, rival[..., None], axis=2)[..., 0].astype(np.float32)
    return np.asarray(colours[..., channel].astype(np.float32) - picked, np.float32)


def _thumbnail(image: Image, side: int = 256) -> Image:
    scale = side / max(image.shape[:2])
    if scale >= 1:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _screen_of(image: Image, channel: int) -> Screen:
    difference = screen_difference(image, channel)
    candidates = difference >= MIN_LEVEL
    if candidates.mean() < 0.02:
        return Screen(channel, 0.0, 0.0, 0.0)
    level = float(np.median(difference[candidates]))
    screen = difference >= SURE * level
    coverage = float(screen.mean())
    brightness = float(np.median(image[..., channel][screen]))
    values = difference[screen]
    spread = float(np.median(np.abs(values - np.median(values)))) / level
    between = float(((difference > 0.3 * level) & ~screen).mean()) / max(coverage, 1e-6)
    height, width = screen.shape
    rim = max(1, min(height, width) // 40)
    upper = height * 2 // 3  # a person covers the lower sides of a talking-head shot, never both upper ones
    sides = min(float(screen[:upper, :rim].mean()), float(screen[:upper, -rim:].mean()))
    confidence = (
        _ramp(coverage, 0.08, 0.2)
        * _ramp(level / max(brightness, 1), 0.25, 0.4)
        * _ramp(spread, 0.15, 0.08)
        * _ramp(between, 0.4, 0.2)
        * _ramp(sides, 0.3, 0.7)
    )
    return Screen(channel, level, coverage, confidence)


def _ramp(value: float, start: float, end: float) -> float:
    """0 at `start`, 1 at `end` (either order), linear between."""
    return float(np.clip((value - start) / (end - start), 0, 1))


def _spread(values: Floats, known: NDArray[np.bool_], sigma: float) -> Floats:
    """`values` `(H, W, C)` where known, smoothly extended everywhere: normalised convolution, wide kernels to narrow.

    Every kernel works at the scale where it spans a few pixels; the mean covers what no kernel reaches.
    """
    height, width, channels = values.shape
    weight = known.astype(np.float32)
    planes = (values * weight[..., None], weight)  # apart: OpenCV shrinks at most four channels at once
    filled = np.broadcast_to(values[known].mean(axis=0), (1, 1, channels)).astype(np.float32)
    for reach in (16 * sigma, 4 * sigma, sigma):  # wide kernels first: they fill what narrow ones cannot reach
        step = max(1, int(reach // 4))
        size = (max(1, width // step), max(1, height // step))
        stack = np.dstack([cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in planes])
        blur = cv2.GaussianBlur(stack, (0, 0), reach / step)
        wider = cv2.resize(filled, size).reshape(size[1], size[0], channels)
        filled = np.asarray((blur[..., :channels] + 1e-3 * wider) / (blur[..., channels:] + 1e-3), np.float32)
    return np.asarray(cv2.resize(filled, (width, height)), np.float32).reshape(values.shape)


def _foreground_level(difference: Floats, level: Floats, core: NDArray[np.bool_], sigma: float) -> Floats:
    """`(H, W)` d of the bluest foreground nearby, between −level and 0; `core` is true deep inside the foreground.

    The upper envelope, so that a grey collar beside skin stays solid; skin alone would call it a quarter screen.
    """
    if not core.any():
        return np.zeros_like(level)
    envelope = cv2.dilate(np.where(core, difference, np.float32(-256)), _square(7))[..., None]
    spread = _spread(np.asarray(envelope, np.float32), envelope[..., 0] > -256, sigma)[..., 0]
    return np.asarray(np.clip(spread, -level, 0), np.float32)


def _solidify(alpha: Floats, band: float) -> Floats:
    """Mixed alpha only within `band` pixels of pure screen (else 1) and of pure foreground (else 0)."""
    solid = np.where(_distance(alpha <= 0) > band, np.float32(1), alpha)
    return np.asarray(np.where(_distance(solid >= 1) > band, np.float32(0), solid), np.float32)


def _distance(target: NDArray[np.bool_]) -> Floats:
    """Distance in pixels to the nearest true pixel; infinite when there is none."""
    if not target.any():
        return np.full(target.shape, np.inf, np.float32)
    return np.asarray(cv2.distanceTransform((~target).astype(np.uint8), cv2.DIST_L2, 5), np.float32)


def _inside(mask: NDArray[np.bool_], depth: int) -> NDArray[np.bool_]:
    return np.asarray(cv2.erode(mask.astype(np.uint8), _square(2 * depth + 1)), np.bool_)


def _square(side: int) -> NDArray[np.uint8]:
    return np.ones((side, side), np.uint8)


def _unmix(image: Image, alpha: Floats, screen: Floats) -> Floats:
    """F of C = αF + (1 − α)S; where α is small that is noise, so colours are spread from inside the foreground.

    Within CHROMA_BLEED pixels of the edge only brightness is solved for: hue comes from inside, as video stores chroma
    at half the resolution and the screen's hue leaks into solid pixels.
    """
    mixed = alpha[..., None]
    solved = np.clip((image - (1 - mixed) * screen) / np.maximum(mixed, 0.1), 0, 255)
    core = _inside(alpha >= 1, CHROMA_BLEED)
    if not core.any():
        return np.asarray(solved, np.float32)
    spread = _spread(image.astype(np.float32), core, sigma=2.0)
    brightness = solved.mean(axis=2, keepdims=True) / np.maximum(spread.mean(axis=2, keepdims=True), 1)
    recoloured = np.clip(spread * np.clip(brightness, 0.5, 1.5), 0, 255)
    trust = np.clip((mixed - 0.3) / 0.6, 0, 1)
    edge = trust * recoloured + (1 - trust) * spread
    return np.asarray(np.where(core[..., None], image, edge), np.float32)


def _despill(foreground: Floats, channel: int) -> Image:
    others = [index for index in range(3) if index != channel]
    clean = foreground.copy()
    clean[..., channel] = np.minimum(clean[..., channel], clean[..., others].max(axis=2))
    return np.asarray(np.rint(clean), np.uint8)
