"""Rendering: a recipe, cut-out people and a background become the frames of a clip."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.images import Image
from stages.actor import Actor, Cutout, RenderError, Shape, camera_matrix, flipped, reduced, shape_of
from stages.border_contact import ALL_SIDES, correction
from stages.composite import Composite, in_front, mean_colour, over, tone_table
from stages.degrade import degrade
from stages.effects import through_h264, wrap_light
from stages.framing import Companion, place_background
from stages.recipe import Recipe
from stages.trajectories import Pose, Trajectory
from stages.warps import corner_map, pull_affine, resizing

_LARGEST = 2
"""Backgrounds are kept this many times larger than needed to cover the canvas: room to zoom in, and no more."""


def render(
    recipe: Recipe,
    cutouts: Mapping[int, Cutout],
    background: Image | Mapping[int, Image],
    size: Shape,
    *,
    stranger: Cutout | None = None,
) -> list[Composite]:
    """The frames of a clip: the same arguments always give the same pixels.

    Args:
        cutouts: by `time_us`, at least those of `recipe.frames`, all of one shape.
        background: `(H, W, 3)` uint8 RGB, any size; or several of one size by `time_us`, at least `recipe.behind`.
        size: `(height, width)` of the clip.
        stranger: the companion, where the recipe has one from elsewhere.

    Raises:
        RenderError: a frame of the recipe is missing or shows no person, or the background's frames differ in size.
    """
    missing = sorted(set(recipe.times) - set(cutouts))
    if missing:
        raise RenderError(f"the recipe shows frames at {missing} us, which were not given")
    if recipe.stranger and stranger is None:
        raise RenderError(f"the recipe shows somebody of {recipe.stranger[0][:12]}, who was not given")
    if isinstance(background, np.ndarray):
        background = dict.fromkeys(recipe.behind, background)
    view = _Background(recipe, background, size)
    light = view.light if recipe.match > 0.0 else None
    scenes = [view.frame(index) for index in range(len(recipe.frames))]
    people = Actor(recipe, _turned(recipe, cutouts), light, size).frames()
    frames = [over(person, scene) for person, scene in zip(people, scenes, strict=True)]
    if recipe.companion:
        behind = _behind(recipe, recipe.companion)
        seen = {recipe.companion.frame: stranger} if recipe.stranger and stranger else cutouts
        others = Actor(behind, _turned(behind, seen), light, size).frames()
        standing = [over(other, scene) for other, scene in zip(others, scenes, strict=True)]
        frames = [in_front(person, frame) for person, frame in zip(people, standing, strict=True)]
    images = [frame.image for frame in frames]
    if recipe.effects.wrap > 0.0:
        images = [
            wrap_light(image, frame.alpha, scene, recipe.effects.wrap)
            for image, frame, scene in zip(images, frames, scenes, strict=True)
        ]
    noises = np.random.default_rng(recipe.seed).spawn(len(frames))
    images = [degrade(image, recipe.degradation, noise) for image, noise in zip(images, noises, strict=True)]
    if recipe.effects.h264:
        images = through_h264(images, recipe.effects.h264)
    return [Composite(image, frame.alpha, frame.trust) for image, frame in zip(images, frames, strict=True)]


def _turned(recipe: Recipe, cutouts: Mapping[int, Cutout]) -> dict[int, Cutout]:
    """The frames that a recipe shows of its person, mirrored if it says so."""
    return {time: cutouts[time].mirrored() if recipe.mirror_person else cutouts[time] for time in set(recipe.frames)}


def _behind(recipe: Recipe, companion: Companion) -> Recipe:
    """The recipe of the second person alone: at rest, but for what the camera does."""
    return replace(
        recipe,
        frames=(companion.frame,) * len(recipe.frames),
        mirror_person=companion.mirror,
        framing=companion.framing,
        person=Trajectory(),
        bend=None,
    )


def fit_background(picture: Image, size: Shape) -> Image:
    """A background made no larger than a clip of `(height, width)` can use; one that fits is returned as it is.

    `render` does this itself: call it before only to keep many backgrounds in little memory.
    """
    height, width = shape_of(picture)
    scale = max(_LARGEST * size[0] / height, _LARGEST * size[1] / width)
    if scale >= 1.0:
        return picture
    fitting = round(width * scale), round(height * scale)
    return np.asarray(cv2.resize(picture, fitting, interpolation=cv2.INTER_AREA), dtype=np.uint8)


class _Background:
    """The background as the moving camera sees it: one picture, or another behind every frame."""

    def __init__(self, recipe: Recipe, pictures: Mapping[int, Image], size: Shape) -> None:
        missing = sorted(set(recipe.behind) - set(pictures))
        if missing:
            raise RenderError(f"the recipe shows the background at {missing} us, which was not given")
        fitted = {time: fit_background(pictures[time], size) for time in sorted(set(recipe.behind))}
        shape, *others = {shape_of(picture) for picture in fitted.values()}
        if others:
            raise RenderError(f"the background's frames at {list(fitted)} us differ in size")
        place = place_background(shape, size, recipe.crop)
        self._layers = {time: _layer(recipe, picture, place.scale) for time, picture in fitted.items()}
        self._shape = shape_of(self._layers[recipe.behind[0]])
        self._placed = place.matrix @ resizing(self._shape, shape)
        self._size = size
        self._blur = recipe.background_blur
        self._seen = list(zip(recipe.behind, recipe.camera.poses(len(recipe.frames)), strict=True))
        self._views: dict[tuple[int, Pose], Image] = {}

    @property
    def light(self) -> NDArray[np.float64]:
        """`(3,)` mean RGB 0-1 of the first frame."""
        return mean_colour(self.frame(0))

    def frame(self, index: int) -> Image:
        """`(H, W, 3)`: no pixel comes from outside the picture; the camera keeps inside it."""
        time, pose = self._seen[index]
        if (time, pose) not in self._views:
            forward = camera_matrix(pose, self._size) @ self._placed
            inside = correction(corner_map(self._size, forward), ALL_SIDES, self._shape)
            if inside is None:
                raise RenderError(f"the camera leaves the background of {self._shape} pixels: zoom in further")
            view = pull_affine(self._layers[time], inside @ np.linalg.inv(forward), self._size)
            if self._blur > 0.0:
                view = np.asarray(cv2.GaussianBlur(view, (0, 0), self._blur), dtype=np.uint8)
            self._views[time, pose] = view
        return self._views[time, pose]


def _layer(recipe: Recipe, picture: Image, scale: float) -> Image:
    """A picture of the background, lit and mirrored as the recipe says, and averaged down for `scale`."""
    if not recipe.background_colour.neutral:
        picture = np.asarray(cv2.LUT(picture, tone_table(recipe.background_colour)), dtype=np.uint8)
    return reduced(flipped(picture) if recipe.mirror_background else picture, scale)
