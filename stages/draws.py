"""Draws: the parts of a recipe, each drawn from a seeded generator within configured ranges."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from pydantic import AfterValidator, Field

from stages.base import Config
from stages.composite import Colour
from stages.degrade import Degradation
from stages.effects import Effects
from stages.framing import Companion, Crop, Framing
from stages.trajectories import Bend, Easing, Pose, Trajectory

BEND_GRID = (3, 4)
"""Rows and columns of the thin-plate spline's control points, one in each cell: never two so close that they fold."""

_EASINGS: tuple[Easing, ...] = ("linear", "smooth", "accelerate", "decelerate")


def _ordered(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise ValueError(f"a range is [lowest, highest], got {list(ends)}")
    return ends


def _positive(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] <= 0:
        raise ValueError(f"expected numbers above 0, got {list(ends)}")
    return ends


Range = Annotated[tuple[float, float], AfterValidator(_ordered)]
"""`[lowest, highest]`, drawn uniformly in between."""
Chance = Annotated[float, Field(ge=0.0, le=1.0)]
"""A probability."""


class MotionConfig(Config):
    """How far a person or a camera moves within one clip: largest values, either way."""

    probability: Chance = 0.7
    translation: float = Field(default=0.08, ge=0.0, description="fraction of the canvas height")
    rotation: float = Field(default=5.0, ge=0.0, description="degrees")
    zoom: float = Field(default=0.08, ge=0.0, lt=1.0, description="change of size as a fraction")
    shear: float = Field(default=2.0, ge=0.0, description="degrees")


class RecipeConfig(Config):
    """What recipes are drawn from."""

    real_motion_probability: Chance = 0.5
    mirror_probability: Chance = 0.5
    person_height: Range = (0.6, 0.95)
    person_closeness: Range = (1.0, 1.5)
    person_position: Range = (0.3, 0.7)
    distance_probability: Chance = 0.7
    distance: Annotated[Range, AfterValidator(_positive)] = (0.35, 2.5)
    person_lean: float = Field(default=4.0, ge=0.0)
    person_motion: MotionConfig = MotionConfig()
    camera_motion: MotionConfig = MotionConfig(probability=0.4, translation=0.06, rotation=2.0, zoom=0.06, shear=0.0)
    shared_camera_probability: Chance = 0.5
    pause_probability: Chance = 0.15
    turn_probability: Chance = 0.15
    bend_probability: Chance = 0.33
    bend_sigma: float = Field(default=0.02, ge=0.0, le=0.1)
    background_zoom: Range = (1.1, 1.7)
    background_video_probability: Chance = 0.25
    background_blur_probability: Chance = 0.3
    background_blur: Range = (0.6, 2.5)
    colour_probability: Chance = 0.6
    gamma: Range = (0.75, 1.35)
    gain: Range = (0.85, 1.1)
    warmth: Range = (-0.08, 0.08)
    match_probability: Chance = 0.6
    match_strength: Range = (0.3, 0.8)
    shrink_probability: Chance = 0.1
    shrink: Range = (0.5, 0.85)
    blur_probability: Chance = 0.15
    blur: Range = (0.3, 0.9)
    sharpen_probability: Chance = 0.1
    sharpen: Range = (0.2, 0.8)
    noise_probability: Chance = 0.3
    noise: Range = (1.0, 7.0)
    jpeg_probability: Chance = 0.3
    jpeg: Range = (35.0, 85.0)
    grey_probability: Chance = 0.02
    wrap_probability: Chance = 0.15
    wrap: Range = (0.3, 0.9)
    shutter_probability: Chance = 0.2
    shutter: Range = (0.3, 0.9)
    h264_probability: Chance = 0.15
    h264: Range = (24.0, 36.0)
    companion_probability: Chance = 0.1
    companion_height: Range = (0.45, 0.8)
    stranger_probability: Chance = 0.0


class Dice:
    """Draws from one seeded generator, rounded so that recipes stay short."""

    def __init__(self, seed: int, config: RecipeConfig) -> None:
        self._rng = np.random.default_rng(seed)
        self._config = config

    def index(self, count: int) -> int:
        """A whole number in [0, count)."""
        return int(self._rng.integers(count))

    def chance(self, probability: float) -> bool:
        return bool(self._rng.random() < probability)

    def within(self, ends: tuple[float, float]) -> float:
        return round(ends[0] + (ends[1] - ends[0]) * self._rng.random(), 4)  # what `uniform` does, five times quicker

    def sometimes(self, probability: float, ends: tuple[float, float], otherwise: float) -> float:
        """A value within `ends` with the given probability, else `otherwise`."""
        return self.within(ends) if self.chance(probability) else otherwise

    def still(self, runs: Sequence[Sequence[int]], length: int) -> tuple[int, ...]:
        """One frame of all runs, shown `length` times."""
        times = [time for run in runs for time in run]
        return (times[self.index(len(times))],) * length

    def stretch(self, runs: Sequence[Sequence[int]], length: int) -> tuple[int, ...]:
        """`length` consecutive frames of one run, at double speed where it is long enough for that, or backwards."""
        run = runs[self.index(len(runs))]
        step = 2 if len(run) >= 2 * length - 1 and self.chance(0.5) else 1
        first = self.index(len(run) - step * (length - 1))
        frames = tuple(run[first : first + step * (length - 1) + 1 : step])
        return frames[::-1] if self.chance(self._config.turn_probability) else frames

    def video(self, burst: Sequence[int], length: int) -> tuple[int, ...]:
        """`length` frames of a burst that follow each other, from anywhere in it, forwards or backwards.

        A burst that is too short rests on its last frame, or runs back the way it came, again and again.
        """
        spare = len(burst) - length
        backwards = self.chance(self._config.turn_probability)
        if spare >= 0:
            first = self.index(spare + 1)
            frames = tuple(burst[first : first + length])
        elif self.chance(0.5):
            frames = tuple(burst) + (burst[-1],) * -spare
        else:
            frames = tuple(itertools.islice(itertools.cycle([*burst, *burst[-2:0:-1]]), length))
        return frames[::-1] if backwards else frames

    def framing(self) -> Framing:
        config = self._config
        return Framing(
            height=self.within(config.person_height),
            closeness=self.within(config.person_closeness),
            position=self.within(config.person_position),
        )

    def distance(self) -> float:
        """How far off a person stands who is seen whole: nearer as often as further off, by the same factors."""
        nearest, furthest = map(math.log, self._config.distance)
        return round(math.exp(self.sometimes(self._config.distance_probability, (nearest, furthest), 0.0)), 4)

    def crop(self) -> Crop:
        return Crop(self.within(self._config.background_zoom), self.within((0.0, 1.0)), self.within((0.0, 1.0)))

    def lean(self) -> Pose:
        """How a person is tilted before moving."""
        most = self._config.person_lean
        return Pose(rotation=self.within((-most, most)), shear=self.within((-most / 2, most / 2)))

    def trajectory(self, motion: MotionConfig, base: Pose) -> Trajectory:
        """From half a swing on one side of `base` to half a swing on the other, slow ones more often than fast ones."""
        if not self.chance(motion.probability):
            return Trajectory(base, base)
        speed = self.within((0.1, 1.0)) ** 1.5
        right, down, rotation, zoom, shear = (speed * self.within((-0.5, 0.5)) for _ in range(5))
        begin, rest = self.within((0.1, 0.6)), self.within((0.2, 0.4))

        def swung(way: Literal[-1, 1]) -> Pose:
            return Pose(
                right=round(base.right + way * right * motion.translation, 5),
                down=round(base.down + way * down * motion.translation, 5),
                rotation=round(base.rotation + way * rotation * motion.rotation, 5),
                zoom=round(base.zoom * (1.0 + motion.zoom) ** (way * zoom), 5),
                shear=round(base.shear + way * shear * motion.shear, 5),
            )

        return Trajectory(
            start=swung(-1),
            end=swung(1),
            easing=_EASINGS[self.index(len(_EASINGS))],
            pause=(begin, round(begin + rest, 4)) if self.chance(self._config.pause_probability) else (0.0, 0.0),
            turn=self.sometimes(self._config.turn_probability, (0.4, 0.8), 1.0),
        )

    def bend(self) -> Bend:
        """Control points on a jittered grid; the displacement changes by about half its size on the way."""
        rows, columns = BEND_GRID
        sigma = self._config.bend_sigma
        points = [
            (round((x + self.within((0.2, 0.8))) / columns, 4), round((y + self.within((0.2, 0.8))) / rows, 4))
            for y in range(rows)
            for x in range(columns)
        ]
        start = [self._normal(sigma) for _ in points]
        change = [self._normal(sigma / 2) for _ in points]
        end = [(round(a[0] + b[0], 4), round(a[1] + b[1], 4)) for a, b in zip(start, change, strict=True)]
        return Bend(tuple(points), tuple(start), tuple(end))

    def _normal(self, sigma: float) -> tuple[float, float]:
        """Two normal values, cut at two deviations: beyond them faces are no faces."""
        x, y = (min(max(float(value), -2.0), 2.0) for value in self._rng.standard_normal(2))
        return round(x * sigma, 4), round(y * sigma, 4)

    def colour(self) -> Colour:
        config = self._config
        if not self.chance(config.colour_probability):
            return Colour()
        return Colour(self.within(config.gamma), self.within(config.gain), self.within(config.warmth))

    def effects(self) -> Effects:
        config = self._config
        return Effects(
            wrap=self.sometimes(config.wrap_probability, config.wrap, 0.0),
            shutter=self.sometimes(config.shutter_probability, config.shutter, 0.0),
            h264=round(self.sometimes(config.h264_probability, config.h264, 0.0)),
        )

    def companion(self, times: Sequence[int], main: Framing) -> Companion | None:
        """Now and then a second person, on the other side of the canvas than the first."""
        if not self.chance(self._config.companion_probability):
            return None
        aside = self.within((0.3, 0.5))
        framing = Framing(
            height=self.within(self._config.companion_height),
            closeness=1.0,
            position=round(main.position + (aside if main.position < 0.5 else -aside), 4),
        )
        return Companion(times[self.index(len(times))], self.chance(self._config.mirror_probability), framing)

    def stranger(self, companion: Companion, strangers: Sequence[tuple[str, int, str]]) -> Companion:
        """The companion as somebody else, standing where they stood, if there is anybody else."""
        if not self.chance(self._config.stranger_probability) or not strangers:
            return companion
        source, frame, subject = strangers[self.index(len(strangers))]
        return replace(companion, source=source, frame=frame, subject=subject)

    def degradation(self) -> Degradation:
        config = self._config
        return Degradation(
            shrink=self.sometimes(config.shrink_probability, config.shrink, 1.0),
            blur=self.sometimes(config.blur_probability, config.blur, 0.0),
            sharpen=self.sometimes(config.sharpen_probability, config.sharpen, 0.0),
            noise=self.sometimes(config.noise_probability, config.noise, 0.0),
            jpeg=round(self.sometimes(config.jpeg_probability, config.jpeg, 0.0)),
            grey=self.chance(config.grey_probability),
        )
