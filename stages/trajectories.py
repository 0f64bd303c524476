"""Trajectories: how a person or a camera moves through the frames of a clip."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stages.warps import Matrix, affine

Easing = Literal["linear", "smooth", "accelerate", "decelerate"]

_EASINGS: dict[Easing, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "linear": lambda t: t,
    "smooth": lambda t: t * t * (3 - 2 * t),
    "accelerate": lambda t: t * t,
    "decelerate": lambda t: t * (2 - t),
}


@dataclass(frozen=True)
class Pose:
    """One state of an affine motion.

    Attributes:
        right, down: moved by, as fractions of the canvas height.
        rotation: degrees, clockwise. zoom: factor. shear: degrees.
    """

    right: float = 0.0
    down: float = 0.0
    rotation: float = 0.0
    zoom: float = 1.0
    shear: float = 0.0

    def toward(self, other: Pose, part: float) -> Pose:
        """The pose `part` of the way (0-1) from this one to another; zooms mix geometrically."""
        return Pose(
            right=self.right + part * (other.right - self.right),
            down=self.down + part * (other.down - self.down),
            rotation=self.rotation + part * (other.rotation - self.rotation),
            zoom=self.zoom * (other.zoom / self.zoom) ** part,
            shear=self.shear + part * (other.shear - self.shear),
        )

    def matrix(self, pivot: tuple[float, float], height: float) -> Matrix:
        """The motion as a `(3, 3)` matrix about `pivot` (pixels) on a canvas of `height` pixels."""
        return affine(
            pivot=pivot,
            move=(self.right * height, self.down * height),
            rotation=self.rotation,
            zoom=self.zoom,
            shear=self.shear,
        )


REST = Pose()
"""No motion."""


@dataclass(frozen=True)
class Trajectory:
    """A smooth way from one pose to another, with a pause and a reversal on it.

    Attributes:
        start, end: the two states.
        easing: how speed changes on the way.
        pause: `(from, to)` in clip time 0-1: the motion rests in between; equal values: no pause.
        turn: clip time 0-1 at which the motion runs back the way it came; 1: never.
    """

    start: Pose = REST
    end: Pose = REST
    easing: Easing = "linear"
    pause: tuple[float, float] = (0.0, 0.0)
    turn: float = 1.0

    def progress(self, frames: int) -> NDArray[np.float64]:
        """`(frames,)` in 0-1: how far between start and end each frame is."""
        time = np.linspace(0.0, 1.0, frames)
        begin, stop = self.pause
        moving = time - np.clip(time - begin, 0.0, stop - begin)
        back = np.where(moving > self.turn, 2 * self.turn - moving, moving)
        return _EASINGS[self.easing](np.clip(back, 0.0, 1.0))

    def poses(self, frames: int) -> list[Pose]:
        """The pose of every frame."""
        return [self.start.toward(self.end, float(part)) for part in self.progress(frames)]

    def calmed(self, part: float) -> Trajectory:
        """The same way with every pose only `part` (0-1) as far from rest."""
        return Trajectory(
            REST.toward(self.start, part), REST.toward(self.end, part), self.easing, self.pause, self.turn
        )


@dataclass(frozen=True)
class Bend:
    """A thin-plate deformation of the person that changes along the person's trajectory.

    Attributes:
        points: control points `(x, y)`, fractions of the canvas.
        start, end: their displacements `(x, y)` at both ends of the trajectory, fractions of the canvas height.
    """

    points: tuple[tuple[float, float], ...]
    start: tuple[tuple[float, float], ...]
    end: tuple[tuple[float, float], ...]
