"""Compositing: a cut-out person over another background, in colours that belong together."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.images import Grey, Image
from stages.mesh import Box, Mesh, pull_parts, window
from stages.warps import Window

_STRIDE = 4
"""Every how many pixels a mean colour is sampled."""
_LUMA = np.array([0.299, 0.587, 0.114])


@dataclass(frozen=True)
class Colour:
    """A change of light and camera.

    Attributes:
        gamma: exponent on values 0-1; below 1 brightens.
        gain: factor after it.
        warmth: red is multiplied by 1 + warmth, blue by 1 - warmth.
    """

    gamma: float = 1.0
    gain: float = 1.0
    warmth: float = 0.0

    @property
    def neutral(self) -> bool:
        """Whether it changes nothing."""
        return self == Colour()

    def of(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(..., 3)` RGB values 0-1, changed and clipped to 0-1."""
        tint = np.array([1.0 + self.warmth, 1.0, 1.0 - self.warmth])
        return np.asarray(np.clip(values**self.gamma * self.gain * tint, 0.0, 1.0), dtype=np.float64)


@dataclass(frozen=True)
class Layer:
    """A cut-out person. Everything is zero where there is no person, so a layer can be resized and warped with zero
    padding, and no colour bleeds in from outside the person.

    Attributes:
        rgba: `(H, W, 4)` uint8: α·red, α·green, α·blue, α.
        doubt: `(H, W)` uint8: α·(1 − trust).
    """

    rgba: NDArray[np.uint8]
    doubt: Grey

    @property
    def alpha(self) -> Grey:
        """`(H, W)` uint8."""
        return np.asarray(cv2.extractChannel(self.rgba, 3), dtype=np.uint8)

    @property
    def shape(self) -> tuple[int, int]:
        """`(height, width)`."""
        return self.doubt.shape[0], self.doubt.shape[1]

    def map(self, change: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]) -> Layer:
        """The layer with the same change of geometry applied to both its pictures."""
        return Layer(change(self.rgba), change(self.doubt))

    def shown(self, meshes: Sequence[Mesh], shape: tuple[int, int], box: Box) -> Shown:
        """The layer seen through a mesh on a canvas of `shape`, or blurred: the mean of what several meshes show.

        Args:
            box: `(x0, y0, x1, y1)` of the layer that holds all of the person.
        """
        part = _around([window(mesh, shape, box) for mesh in meshes])
        alpha, doubt = np.zeros(shape, dtype=np.uint8), np.zeros(shape, dtype=np.uint8)
        # nothing of a label that is trusted wholly needs to be looked for
        pictures = (self.rgba, self.doubt) if cv2.countNonZero(self.doubt) else (self.rgba,)
        rgba, *rest = _mean([pull_parts(pictures, mesh, part) for mesh in meshes])
        if rgba.size:
            alpha[part] = cv2.extractChannel(rgba, 3)
        if rest:
            doubt[part] = rest[0]
        return Shown(rgba, part, alpha, doubt)


def _around(parts: Sequence[Window]) -> Window:
    """The smallest part that holds all parts which are not empty."""
    seen = [part for part in parts if part[0].stop > part[0].start] or [parts[0]]
    rows, columns = ([part[axis] for part in seen] for axis in (0, 1))
    return (
        slice(min(line.start for line in rows), max(line.stop for line in rows)),
        slice(min(line.start for line in columns), max(line.stop for line in columns)),
    )


def _mean(views: Sequence[list[NDArray[np.uint8]]]) -> list[NDArray[np.uint8]]:
    """The mean of the pictures of several views, picture by picture."""
    if len(views) == 1:
        return views[0]
    return [
        np.asarray(np.rint(np.mean(np.stack(pictures), axis=0, dtype=np.float32)), dtype=np.uint8)
        for pictures in zip(*views, strict=True)
    ]


@dataclass(frozen=True)
class Shown:
    """A layer on the canvas.

    Attributes:
        rgba: `(h, w, 4)` uint8, as a layer's, in a part of the canvas outside of which nobody is.
        part: rows and columns of that part; it may be larger than the person.
        alpha, doubt: `(H, W)` uint8, as a layer's, on all of the canvas.
    """

    rgba: NDArray[np.uint8]
    part: Window
    alpha: Grey
    doubt: Grey


@dataclass(frozen=True)
class Composite:
    """One frame of a composited clip.

    Attributes:
        image: `(H, W, 3)` uint8 RGB. alpha, trust: `(H, W)` uint8.
    """

    image: Image
    alpha: Grey
    trust: Grey


def matching(person: NDArray[np.float64], background: NDArray[np.float64], strength: float) -> NDArray[np.float64]:
    """Exponents that bring a person's light nearer to a background's.

    The mean luminance moves `strength` (0-1) of the way in logarithms, the colour cast a third as far (skin under green
    trees is not green). Exponents on values 0-1 keep black and white where they are: nothing is clipped.

    Args:
        person, background: `(3,)` mean RGB 0-1.

    Returns:
        `(3,)` exponents in [0.5, 2].
    """
    person, background = np.clip(person, 0.02, 0.98), np.clip(background, 0.02, 0.98)
    luma, goal = float(_LUMA @ person), float(_LUMA @ background)
    light = 1.0 + strength * (math.log(goal) / math.log(luma) - 1.0)
    cast = ((background / goal) / (person / luma)) ** (strength / 3)
    return np.asarray(np.clip(light + np.log(cast) / np.log(person), 0.5, 2.0), dtype=np.float64)


def tone_table(colour: Colour, exponents: NDArray[np.float64] | None = None) -> NDArray[np.uint8]:
    """`(1, 256, 3)` uint8 table for `cv2.LUT`: a colour change, then exponents per channel."""
    values = colour.of(np.repeat(np.linspace(0.0, 1.0, 256)[:, None], 3, axis=1))
    if exponents is not None:
        values = values**exponents
    return np.asarray(np.rint(values * 255.0), dtype=np.uint8)[None]


def mean_colour(image: Image, weight: Grey | None = None) -> NDArray[np.float64]:
    """`(3,)` mean RGB 0-1 of an `(H, W, 3)` image, weighted by an `(H, W)` alpha; mid grey where it is all zero."""
    sample = slice(None, None, _STRIDE)
    colours = image[sample, sample].reshape(-1, 3) / 255.0
    weights = np.ones(len(colours)) if weight is None else weight[sample, sample].ravel().astype(np.float64)
    total = weights.sum()
    return np.asarray(weights @ colours / total if total else np.full(3, 0.5), dtype=np.float64)


def person_layer(foreground: Image, alpha: Grey, trust: Grey, table: NDArray[np.uint8] | None) -> Layer:
    """The layer of a cut-out person with colours changed by a `tone_table`, or as they are.

    Args:
        foreground: `(H, W, 3)` colours of the person alone (decontaminated).
        alpha, trust: `(H, W)`, 255 = person, sure.
    """
    shown = foreground if table is None else cv2.LUT(foreground, table)
    lit = cv2.multiply(shown, cv2.cvtColor(alpha, cv2.COLOR_GRAY2RGB), scale=1 / 255)
    doubt = cv2.multiply(alpha, cv2.bitwise_not(trust), scale=1 / 255)
    rgba = np.asarray(cv2.cvtColor(lit, cv2.COLOR_RGB2RGBA), dtype=np.uint8)
    cv2.insertChannel(alpha, rgba, 3)
    return Layer(rgba, np.asarray(doubt, dtype=np.uint8))


def over(person: Shown, background: Image) -> Composite:
    """Person over background: C = α·F + (1 − α)·B (Porter and Duff, "Compositing Digital Images", 1984).

    The trust of a composite is 1 − α·(1 − R) with R the label's trust. A composite's α says how much of each pixel
    *was* pasted, so where α = 0 the pixel is background for certain, even where the label missed an arm: the composite
    shows no arm there. Where α > 0 the pasted pixel may still be no person (a chair back taken along, old background in
    a band that is too wide), and the label's own trust counts, in proportion to α. Padding has α = 0: trusted.

    Args:
        background: `(H, W, 3)` of the layer's size.
    """
    image = background.copy()
    if person.rgba.size:
        rest = cv2.cvtColor(cv2.bitwise_not(person.alpha[person.part]), cv2.COLOR_GRAY2RGB)
        behind = cv2.multiply(image[person.part], rest, scale=1 / 255)
        image[person.part] = cv2.add(cv2.cvtColor(person.rgba, cv2.COLOR_RGBA2RGB), behind)
    return Composite(image, person.alpha, np.asarray(cv2.bitwise_not(person.doubt), dtype=np.uint8))


def in_front(person: Shown, others: Composite) -> Composite:
    """A person before people who are laid over already: α of either, and each pixel's trust by who is seen there.

    α = α₁ + (1 − α₁)·α₂, and likewise for the doubt: what is hidden is not doubted.
    """
    frame = over(person, others.image)
    hidden = cv2.bitwise_not(frame.alpha)
    alpha = cv2.add(frame.alpha, cv2.multiply(hidden, others.alpha, scale=1 / 255))
    doubt = cv2.add(person.doubt, cv2.multiply(hidden, cv2.bitwise_not(others.trust), scale=1 / 255))
    trust = cv2.bitwise_not(doubt)
    return Composite(frame.image, np.asarray(alpha, dtype=np.uint8), np.asarray(trust, dtype=np.uint8))
