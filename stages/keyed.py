"""The keyed test clip: a person before a screen, composited on reserved backgrounds, so that alpha is known exactly."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from datasets.images import Grey, Image
from datasets.media import MediaError, read_photo
from datasets.sidecars import Keying
from datasets.video import decode, probe
from stages.base import Config
from stages.bursts import BurstSampler, Place, Sampling
from stages.keying import Screen, estimate_screen, key

MAX_ZOOM = 1.3
"""A background is cropped to at least 1 / MAX_ZOOM of what would fit, so that a scene stays recognisable."""


class KeyedConfig(Config):
    """How the keyed test clip is made.

    Attributes:
        frames: about how many frames, in bursts spread evenly over the clip.
        seed: of the choice and crop of the backgrounds.
    """

    frames: int = 104
    seed: int = 7


@dataclass(frozen=True)
class Composite:
    """One composited frame.

    Attributes:
        image: `(H, W, 3)` uint8 RGB. alpha: `(H, W)` uint8, exactly what was composited with.
        background: index of the background it stands on.
    """

    time_us: int
    place: Place
    image: Image
    alpha: Grey
    background: int


def composite_clip(
    video: Path, keying: Keying, backgrounds: Sequence[Path], *, source: str, burst_frames: int, config: KeyedConfig
) -> Iterator[Composite]:
    """Frames of `video` on `backgrounds`, one background a burst; the same arguments give the same pixels.

    Raises:
        MediaError: `no_screen`: the first frame shows no screen of the wanted colour; or a file cannot be read.
    """
    bursts = max(1, config.frames // burst_frames)
    spacing = max(1, probe(video).duration_us // bursts)
    sampler = BurstSampler(Sampling(burst_frames, spacing, max_clip_frames=2**62))
    order = _random(config.seed, source, "order").permutation(len(backgrounds))
    screen: Screen | None = None
    scene: Image = np.zeros((0, 0, 3), np.uint8)
    for frame in decode(video):
        place = sampler.place(frame.time_us, starts_shot=False)
        if place is None:
            continue
        if place.burst >= bursts:
            return
        image = _cropped(frame.rgb(), keying, video)
        screen = screen or _wanted_screen(image, keying, video)
        background = int(order[place.burst % len(backgrounds)])
        if place.first:
            random = _random(config.seed, source, str(place.burst))
            scene = cover(read_photo(backgrounds[background]), image.shape[1], image.shape[0], random)
        keyed = key(image, screen)
        yield Composite(frame.time_us, place, blend(keyed.foreground, keyed.alpha, scene), keyed.alpha, background)


def blend(foreground: Image, alpha: Grey, background: Image) -> Image:
    """αF + (1 − α)B, rounded; all at one size."""
    share = alpha[..., None].astype(np.float32) / 255
    return np.asarray(np.rint(share * foreground + (1 - share) * background), np.uint8)


def cover(picture: Image, width: int, height: int, random: np.random.Generator) -> Image:
    """A random crop of `picture` that fills `width` x `height`, keeping its proportions; enlarged only if too small."""
    fill = max(width / picture.shape[1], height / picture.shape[0])
    scale = fill * random.uniform(1, np.clip(1 / fill, 1, MAX_ZOOM))
    crop_width = min(picture.shape[1], max(1, round(width / scale)))
    crop_height = min(picture.shape[0], max(1, round(height / scale)))
    left = int(random.integers(0, picture.shape[1] - crop_width + 1))
    top = int(random.integers(0, picture.shape[0] - crop_height + 1))
    crop = picture[top : top + crop_height, left : left + crop_width]
    method = cv2.INTER_AREA if scale <= 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(crop, (width, height), interpolation=method), np.uint8)


def _cropped(image: Image, keying: Keying, video: Path) -> Image:
    left, top, right, bottom = keying.crop
    cropped = image[top : image.shape[0] - bottom, left : image.shape[1] - right]
    if min(cropped.shape) == 0:
        raise MediaError("bad_crop", f"{video}: keyed.crop {keying.crop} leaves nothing of {image.shape[1::-1]} pixels")
    return np.ascontiguousarray(cropped)


def _wanted_screen(image: Image, keying: Keying, video: Path) -> Screen:
    screen = estimate_screen(image)
    if screen is None or keying.screen not in ("auto", screen.colour):
        found = "no screen" if screen is None else f"a {screen.colour} screen"
        raise MediaError(
            "no_screen",
            f"{video}: its sidecar says `keyed` ({keying.screen}), but the first frame shows {found}; "
            "correct `keyed.screen` or `keyed.crop`, or remove `keyed`",
        )
    return screen


def _random(seed: int, source: str, purpose: str) -> np.random.Generator:
    digest = hashlib.sha256(f"{seed}:{source}:{purpose}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:8], "big"))
