"""Random looks: what people wear, how they are lit and where they are must not matter to the student.

A data set of a few people teaches their faces, shirts and rooms unless these change from sample to sample while the
shape stays. All operations are 8-bit and drawn once per sample, so that consecutive frames look alike.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.images import Grey, Image, decode_rgb, encode_jpeg
from training.config import AppearanceConfig

MAX_CLUTTER = 4
RAMP = np.linspace(0, 1, 256, dtype=np.float32)
TO_YIQ = np.array([[0.299, 0.587, 0.114], [0.596, -0.274, -0.322], [0.211, -0.523, 0.312]])
FROM_YIQ = np.linalg.inv(TO_YIQ)


@dataclass(frozen=True)
class Colour:
    """`table[value, channel]` after a `(3, 3)` colour matrix: gamma, contrast, balance after hue and saturation."""

    matrix: NDArray[np.float32]
    table: NDArray[np.uint8]


@dataclass(frozen=True)
class Look:
    """One draw of the appearance of a sample of size `(H, W)`.

    Attributes:
        head, hair, body, rest: colours of the face, of what is above `hairline`, below `neckline`, and of all else.
        hairline, neckline: `(H, W)` uint8 weight of the hair and of the body in each pixel.
        cloth: `(H, W, 3)` texture worn below the neckline, or None. scene: `(H, W, 3)` picture behind, or None.
        absent: the person has left: nothing but the scene is seen.
        filter: `(3, 3, 3, 3)` random convolution (output, input, y, x), or None; mixed in by `filter_share`.
        sigma: Gaussian blur in pixels, 0 for none. noise: standard deviation in grey levels, 0 for none.
        quality: JPEG quality of a compression round trip, 0 for none. seed: of the noise.
    """

    head: Colour
    hair: Colour
    body: Colour
    rest: Colour
    hairline: Grey
    neckline: Grey
    cloth: Image | None
    scene: Image | None
    absent: bool
    filter: NDArray[np.float32] | None
    filter_share: float
    sigma: float
    noise: float
    quality: int
    seed: int


def draw_look(
    rng: np.random.Generator,
    depth: NDArray[np.float32],
    donor: tuple[Image, Grey] | None,
    config: AppearanceConfig,
) -> Look:
    """A random look for a sample of size `(H, W)`; `donor`, another frame and its alpha, lends cloth and scene.

    `depth` `(H, W)` says how far down the person each pixel lies: 0 at the top of the head, 1 at the lower end. It is
    that of the whole person, whatever the crop shows: a close-up must not wear clothes on its face.
    """
    height, width = depth.shape
    head = draw_colour(rng, config, hue_deg=config.hue_deg)
    hair = draw_colour(rng, config, hue_deg=3 * config.hue_deg) if rng.random() < config.redress else head
    body = draw_colour(rng, config, hue_deg=180.0) if rng.random() < config.redress else head
    rest = draw_colour(rng, config, hue_deg=config.scene_hue_deg) if rng.random() < config.relight else head
    cloth = scene = None
    if donor is not None and rng.random() < config.cloth:
        cloth = _cut(rng, donor[0], (height, width))
    if donor is not None and rng.random() < config.scene:
        scene = _free_scene(rng, *donor, (height, width))
    return Look(
        head=head,
        hair=hair,
        body=body,
        rest=rest,
        hairline=255 - _below(depth, float(rng.uniform(0.0, 0.3))),
        # A texture worn from head to foot leaves the shape alone to go by.
        neckline=_below(depth, 0.0 if cloth is not None and rng.random() < 0.3 else float(rng.uniform(0.4, 0.9))),
        cloth=cloth,
        scene=scene,
        absent=scene is not None and bool(rng.random() < config.absent),
        filter=_draw_filter(rng) if rng.random() < config.filter else None,
        filter_share=float(rng.uniform(0.2, 0.8)),
        sigma=float(rng.uniform(0.3, 1.4)) if rng.random() < config.blur else 0.0,
        noise=float(rng.uniform(1, 9)) if rng.random() < config.noise else 0.0,
        quality=int(rng.integers(25, 90)) if rng.random() < config.jpeg else 0,
        seed=int(rng.integers(2**32)),
    )


def restyle(image: Image, alpha: Grey, look: Look) -> Image:
    """`(H, W, 3)` uint8: the frame, whose person is `alpha` `(H, W)` uint8, in its new look."""
    if look.absent and look.scene is not None:
        return _degrade(recolour(look.scene, look.rest), look)
    person = recolour(image, look.head)
    if look.hair is not look.head:
        person = _blend(recolour(image, look.hair), person, look.hairline)
    if look.body is not look.head or look.cloth is not None:
        dress = recolour(image, look.body)
        if look.cloth is not None:
            # The texture takes on the folds and shadows of what was worn before.
            shade = cv2.cvtColor(dress, cv2.COLOR_RGB2GRAY)[..., None].astype(np.uint16)
            dress = np.minimum(look.cloth * (shade + 64) >> 8, 255).astype(np.uint8)
        person = _blend(dress, person, look.neckline)
    if look.scene is not None or look.rest is not look.head:
        behind = recolour(look.scene if look.scene is not None else image, look.rest)
        person = _blend(person, behind, alpha)
    return _degrade(person, look)


def recolour(image: Image, colour: Colour) -> Image:
    """The `(H, W, 3)` uint8 image in another light."""
    turned = cv2.transform(image, colour.matrix)
    return np.asarray(cv2.LUT(turned, colour.table.reshape(256, 1, 3)), dtype=np.uint8)


def draw_colour(rng: np.random.Generator, config: AppearanceConfig, *, hue_deg: float) -> Colour:
    """A random light, hues turned by at most `hue_deg`."""
    angle = np.deg2rad(rng.uniform(-hue_deg, hue_deg))
    saturation = 0.0 if rng.random() < config.grey else 1 + rng.uniform(-config.saturation, config.saturation)
    gamma = np.exp(rng.uniform(-config.gamma, config.gamma))
    gain = 1 + rng.uniform(-config.contrast, config.contrast)
    shift = rng.uniform(-config.brightness, config.brightness)
    balance = 1 + rng.uniform(-config.white_balance, config.white_balance, size=3)
    curve = gain * (RAMP**gamma - 0.5) + 0.5 + shift
    table = np.clip(curve[:, None] * (balance * 255) + 0.5, 0, 255).astype(np.uint8)
    return Colour(_hue_saturation(angle, saturation), table)


def _degrade(image: Image, look: Look) -> Image:
    if look.filter is not None:
        image = _filtered(image, look.filter, look.filter_share)
    if look.sigma:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), look.sigma), dtype=np.uint8)
    if look.noise:
        grain = np.random.default_rng(look.seed).standard_normal(image.shape, dtype=np.float32) * look.noise
        image = np.clip(image + grain, 0, 255).astype(np.uint8)
    return decode_rgb(encode_jpeg(image, quality=look.quality)) if look.quality else image


def _blend(over: Image, under: Image, weight: Grey) -> Image:
    """`over` where `weight` `(H, W)` uint8 is 255, `under` where it is 0."""
    share = cv2.merge([weight] * 3)
    shown = cv2.multiply(over, share, scale=1 / 255)
    return np.asarray(cv2.add(shown, cv2.multiply(under, 255 - share, scale=1 / 255)), dtype=np.uint8)


def _below(depth: NDArray[np.float32], line: float) -> Grey:
    """`(H, W)` uint8 weight: 0 above, 255 below where `depth` is `line`, a short ramp between."""
    return np.asarray(np.clip((depth - np.float32(line)) * 20 + 0.5, 0, 1) * 255, dtype=np.uint8)


def _cut(rng: np.random.Generator, image: Image, size: tuple[int, int]) -> Image:
    """A random piece of a picture, at `size` (height, width)."""
    height, width = image.shape[:2]
    rows, columns = max(int(height * rng.uniform(0.15, 0.6)), 1), max(int(width * rng.uniform(0.15, 0.6)), 1)
    top, left = int(rng.integers(height - rows + 1)), int(rng.integers(width - columns + 1))
    piece = image[top : top + rows, left : left + columns]
    return np.asarray(cv2.resize(piece, (size[1], size[0]), interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def _free_scene(rng: np.random.Generator, image: Image, alpha: Grey, size: tuple[int, int]) -> Image | None:
    """The wider side of a frame that shows no person, cluttered, at `size`; None where less than a fifth is free."""
    columns = np.flatnonzero((alpha > 8).any(axis=0))
    width = image.shape[1]
    left, right = (int(columns[0]), int(columns[-1]) + 1) if columns.size else (width, width)
    free = image[:, :left] if left >= width - right else image[:, right:]
    if free.shape[1] < width / 5:
        return None
    scene = np.array(cv2.resize(free, (size[1], size[0]), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    for _ in range(rng.integers(MAX_CLUTTER + 1)):
        # Pieces of itself in other places and sizes: a few rooms must stand for all the clutter there is.
        height, width = int(size[0] * rng.uniform(0.1, 0.7)), int(size[1] * rng.uniform(0.1, 0.4))
        top, left = int(rng.integers(size[0] - height + 1)), int(rng.integers(size[1] - width + 1))
        piece = _cut(rng, free, (height, width))
        scene[top : top + height, left : left + width] = piece
    return np.ascontiguousarray(scene[:, ::-1]) if rng.random() < 0.5 else scene


def _draw_filter(rng: np.random.Generator) -> NDArray[np.float32]:
    return rng.normal(0, 1 / np.sqrt(27), size=(3, 3, 3, 3)).astype(np.float32)


def _filtered(image: Image, kernel: NDArray[np.float32], share: float) -> Image:
    """The image mixed with a random convolution of itself, brought to the same mean and contrast.

    Textures and colours change, shapes stay. Source: Xu et al., "Robust and Generalizable Visual Representation
    Learning via Random Convolutions", ICLR 2021.
    """
    channels = [
        sum(cv2.filter2D(image[..., source], cv2.CV_32F, kernel[target, source]) for source in range(3))
        for target in range(3)
    ]
    mixed = cv2.merge([np.asarray(channel, dtype=np.float32) for channel in channels])
    mean, deviation = (value.ravel() for value in cv2.meanStdDev(mixed))
    wanted_mean, wanted_deviation = (value.ravel() for value in cv2.meanStdDev(image))
    gain = (share * wanted_deviation / (deviation + 1e-3)).astype(np.float32)
    offset = (share * wanted_mean - gain * mean).astype(np.float32)
    return np.asarray(np.clip(image * np.float32(1 - share) + (mixed * gain + offset), 0, 255), dtype=np.uint8)


def _hue_saturation(angle: float, saturation: float) -> NDArray[np.float32]:
    """`(3, 3)` RGB matrix: rotation of the chroma plane of YIQ by `angle` and its scaling by `saturation`."""
    cos, sin = saturation * np.cos(angle), saturation * np.sin(angle)
    turn = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    return np.asarray(FROM_YIQ @ turn @ TO_YIQ, dtype=np.float32)
