"""What each type of damage does to a burst: drawn once, in coordinates of the person, for any size.

See `damage` for what is done with a plan.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from qa.metrics import Mask

LAG_FRAMES = 12.0
"""Frames by which a lag of size 1 trails behind."""
LEAST_SPEED = 0.012
"""Pixels a frame, over the square root of the person's area, below which a lag's motion is not taken."""
JAGGED_PIXELS = (2.0, 8.0)
"""Amplitude in pixels at 854×480 of a jagged edge of size 0 and 1."""

Field = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Change:
    """What happens to one frame's maps.

    Attributes:
        remove, add: `(H, W)` bool, or None.
        field: `(H, W, 2)` float32 in pixels, or None: a pixel takes the value that lies so far (x, y) away.
        back: so many frames earlier is what is shown.
    """

    remove: Mask | None = None
    add: Mask | None = None
    field: Field | None = None
    back: int = 0

    @property
    def spares(self) -> bool:
        """Nothing happens to the frame."""
        return self.remove is None and self.add is None and self.field is None and not self.back


Plan = Callable[[int, float], Change]
"""Frame's index and size to its change."""


def plan(kind: str, masks: Sequence[Mask], rng: np.random.Generator) -> Plan:
    """Draw one damage for a burst of `(H, W)` masks.

    Raises:
        ValueError: no such kind, or all masks are empty.
    """
    if kind not in PLANS:
        raise ValueError(f"no damage {kind!r}; there are {', '.join(PLANS)}")
    if not any(mask.any() for mask in masks):
        raise ValueError(f"{kind}: all masks are empty, there is nobody to damage")
    drawn = PLANS[kind](masks, rng)
    return lambda index, size: drawn(index, size) if masks[index].any() else Change()


def _missed(masks: Sequence[Mask], rng: np.random.Generator) -> Plan:
    way = rng.choice(["limb", "head", "hole"], p=[0.5, 0.2, 0.3])
    first = next(mask for mask in masks if mask.any())
    person = Person.of(first)
    if way == "hole":
        depth = cv2.distanceTransform(first.astype(np.uint8), cv2.DIST_L2, 3)
        anchor = _drawn_point(depth > 0.5 * depth.max(), rng)
    else:
        angle = -math.pi / 2 if way == "head" else float(rng.uniform(0, 2 * math.pi))
        y, x = np.nonzero(first)
        end = int(np.argmax(x * math.cos(angle) + y * math.sin(angle)))
        anchor = (float(x[end]), float(y[end]))
    u, v = person.coordinates(*anchor)
    wobble = _wobble(rng)

    def change(index: int, size: float) -> Change:
        mask = masks[index]
        us, vs = Person.of(mask).grid(mask.shape)
        gone = _nearest(mask, np.hypot(us - u, vs - v) + 0.08 * wobble(us, vs), size * np.count_nonzero(mask))
        return Change(remove=_with_fringe(gone, mask & ~gone))

    return change


def _over(masks: Sequence[Mask], rng: np.random.Generator) -> Plan:
    first = next(mask for mask in masks if mask.any())
    u, v = Person.of(first).coordinates(*_drawn_point(_rim(first), rng))
    spread = float(rng.choice([1.0, 0.3]))  # a lump at the outline, or a halo along a part of it
    wobble = _wobble(rng)

    def change(index: int, size: float) -> Change:
        mask = masks[index]
        person = Person.of(mask)
        us, vs = person.grid(mask.shape)
        key = spread * np.hypot(us - u, vs - v) + _away(mask) / person.scale + 0.05 * wobble(us, vs)
        return Change(add=_nearest(~mask, key, size * np.count_nonzero(mask)))

    return change


def _wrong_object(masks: Sequence[Mask], rng: np.random.Generator) -> Plan:
    first = next(mask for mask in masks if mask.any())
    person, away = Person.of(first), _away(first)
    gap = 0.08 * person.scale
    near = (away > 2 * gap) & (away < 0.6 * person.scale)
    free = near if near.any() else away >= 0.9 * away.max()
    u, v = person.coordinates(*_drawn_point(free, rng))
    stretch, turn = float(rng.uniform(0.6, 1.7)), float(rng.uniform(0, math.pi))
    wobble = _wobble(rng)

    def change(index: int, size: float) -> Change:
        mask = masks[index]
        here = Person.of(mask)
        us, vs = here.grid(mask.shape)
        along = (us - u) * math.cos(turn) + (vs - v) * math.sin(turn)
        across = (vs - v) * math.cos(turn) - (us - u) * math.sin(turn)
        key = np.hypot(along * stretch, across / stretch) + 0.05 * wobble(us, vs)
        return Change(add=_nearest(_away(mask) > 0.08 * here.scale, key, size * np.count_nonzero(mask)))

    return change


def _jagged(masks: Sequence[Mask], rng: np.random.Generator) -> Plan:
    height, width = masks[0].shape
    pixel = math.hypot(height, width) / math.hypot(854, 480)
    ratio = float(rng.uniform(1.5, 3.0))  # length of a tooth over its height
    noise = (rng.choice([-1, 1], (64, 64, 2)) * rng.uniform(0.5, 1, (64, 64, 2))).astype(np.float32)

    def change(index: int, size: float) -> Change:
        amplitude = pixel * (JAGGED_PIXELS[0] + size * (JAGGED_PIXELS[1] - JAGGED_PIXELS[0]))
        pitch = max(4 * pixel, ratio * amplitude)
        here = Person.of(masks[index])  # the teeth keep their places on the person when it moves
        x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        map_x, map_y = ((axis / pitch).astype(np.float32) for axis in (x - here.x, y - here.y))
        return Change(field=amplitude * cv2.remap(noise, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP))

    return change


def _lag(masks: Sequence[Mask], rng: np.random.Generator) -> Plan:
    people = [Person.of(mask) for mask in masks if mask.any()]
    steps = max(1, len(people) - 1)
    dx, dy = (people[-1].x - people[0].x) / steps, (people[-1].y - people[0].y) / steps
    least = LEAST_SPEED * people[0].scale
    if math.hypot(dx, dy) < least:
        angle = float(rng.uniform(0, 2 * math.pi))
        dx, dy = least * math.cos(angle), least * math.sin(angle)

    def change(index: int, size: float) -> Change:
        frames = size * LAG_FRAMES
        back = min(index, math.floor(frames))
        while back and not masks[index - back].any():
            back -= 1
        rest = frames - back
        field = np.broadcast_to(np.asarray([dx * rest, dy * rest], np.float32), (*masks[index].shape, 2))
        return Change(field=field.copy(), back=back)

    return change


def _flicker(masks: Sequence[Mask], rng: np.random.Generator) -> Plan:
    count = len(masks)
    seen = [index for index, mask in enumerate(masks) if mask.any()]
    most = max(1, count // 2)
    spoiled = set(rng.permutation(seen)[: int(rng.integers(min(2, most), most + 1))].tolist())
    plans = {index: (_missed if rng.random() < 0.6 else _over)([masks[index]], rng) for index in sorted(spoiled)}
    return lambda index, size: plans[index](0, size) if index in plans else Change()


PLANS: Mapping[str, Callable[[Sequence[Mask], np.random.Generator], Plan]] = {
    "missed_region": _missed,
    "over_segmentation": _over,
    "wrong_object": _wrong_object,
    "jagged_edge": _jagged,
    "lag": _lag,
    "flicker": _flicker,
}


@dataclass(frozen=True)
class Person:
    """Centroid in pixels and square root of the area of a mask: the origin and unit of its own coordinates."""

    x: float
    y: float
    scale: float

    @classmethod
    def of(cls, mask: Mask) -> Person:
        y, x = np.nonzero(mask)
        return cls(float(x.mean()), float(y.mean()), math.sqrt(len(x)))

    def coordinates(self, x: float, y: float) -> tuple[float, float]:
        return (x - self.x) / self.scale, (y - self.y) / self.scale

    def grid(self, shape: tuple[int, ...]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        x, y = np.meshgrid(np.arange(shape[1]), np.arange(shape[0]))
        return (x - self.x) / self.scale, (y - self.y) / self.scale


def _drawn_point(points: Mask, rng: np.random.Generator) -> tuple[float, float]:
    y, x = np.nonzero(points)
    index = int(rng.integers(len(x)))
    return float(x[index]), float(y[index])


def _rim(mask: Mask) -> Mask:
    """Foreground that has background beside it; all of it where the person fills the frame."""
    rim = mask & (cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) == 0)
    return rim if rim.any() else mask


def _away(mask: Mask) -> NDArray[np.float32]:
    """Distance in pixels to the mask, 0 inside."""
    return np.asarray(cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)


def _nearest(candidates: Mask, key: NDArray[np.float64], count: float) -> Mask:
    """The `count` candidate pixels with the smallest key; all of them where there are fewer."""
    keys = key[candidates]
    wanted = min(round(count), keys.size)
    if not wanted:
        return np.zeros_like(candidates)
    return np.asarray(candidates & (key <= np.partition(keys, wanted - 1)[wanted - 1]))


def _with_fringe(gone: Mask, kept: Mask) -> Mask:
    """`gone` and the surroundings that belong to it rather than to what is kept.

    Teachers' outlines differ: one that lies outside of the median's must not leave a thin shell where a limb was.
    """
    if not gone.any() or not kept.any():
        return gone
    reach = 0.04 * math.hypot(*gone.shape)
    near = _away(gone)
    return np.asarray(gone | (~kept & (near <= reach) & (near < _away(kept))))


def _wobble(rng: np.random.Generator) -> Callable[..., NDArray[np.float64]]:
    """Smooth noise of about unit size over person coordinates, so that no damage is a perfect disk."""
    waves = rng.uniform(2, 9, 4), rng.uniform(0, 2 * math.pi, 4), rng.uniform(0, 2 * math.pi, 4)

    def noise(u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.float64]:
        total = np.zeros_like(u)
        for frequency, angle, phase in zip(*waves, strict=True):
            total += np.sin(frequency * (u * math.cos(angle) + v * math.sin(angle)) + phase)
        return total / 2

    return noise
