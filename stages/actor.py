"""Actors: the person of a recipe, cut out, lit, framed and moved on the canvas as far as border contact allows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.images import Grey, Image
from stages.border_contact import OPAQUE, contacts, correction, keeps_person, union
from stages.composite import Shown, matching, mean_colour, person_layer, tone_table
from stages.framing import bounds, place_person
from stages.mesh import Mesh, exposures, fractions, nodes, pull_mesh, rim, room
from stages.recipe import Recipe
from stages.trajectories import Bend, Pose
from stages.warps import Matrix, after, pull_affine, resizing, thin_plate

Shape = tuple[int, int]
"""`(height, width)` in pixels."""

_CALM = (1.0, 0.5, 0.25, 0.0)
"""A person whose motion loses the border contact or too much of the person moves less, at last not at all."""
_BLOCK_EARLY = 0.25
"""A layer is averaged over blocks of n pixels already when shown at 1 / (n - 0.25) of its size."""


class RenderError(ValueError):
    """A recipe that cannot be rendered. The message says which part of it and why."""


@dataclass(frozen=True)
class Cutout:
    """A labelled frame: `(H, W, 3)` uint8 RGB colours of the person alone, `(H, W)` uint8 alpha and trust."""

    foreground: Image
    alpha: Grey
    trust: Grey

    def mirrored(self) -> Cutout:
        """Flipped left to right."""
        return Cutout(flipped(self.foreground), flipped(self.alpha), flipped(self.trust))


class Actor:
    """The person's layer on the canvas, moved as far as border contact allows."""

    def __init__(
        self, recipe: Recipe, people: Mapping[int, Cutout], light: NDArray[np.float64] | None, size: Shape
    ) -> None:
        self._recipe = recipe
        self._size = size
        seen = np.logical_or.reduce([person.alpha >= OPAQUE for person in people.values()])
        if not seen.any():
            raise RenderError(f"no person in the frames at {sorted(people)} us: alpha is below one half everywhere")
        touching = union(contacts(person.alpha) for person in people.values())
        box = bounds(seen)
        place = place_person(box, [contact.side for contact in touching], seen.shape, size, recipe.framing)

        table = _lit(recipe, people[recipe.frames[0]], light)
        self._layers = {
            time: person_layer(person.foreground, person.alpha, person.trust, table).map(
                partial(reduced, scale=place.scale)
            )
            for time, person in people.items()
        }
        self._boxes = {time: _occupied(layer.alpha) for time, layer in self._layers.items()}
        self._shape = self._layers[recipe.frames[0]].shape
        self._placed = place.matrix @ resizing(self._shape, seen.shape)
        self._held = [contact.resized(self._shape[0] / seen.shape[0]) for contact in touching]
        self._pivot = place.right + (box[0] + box[2]) / 2 * place.scale, min(size[0], place.down + box[3] * place.scale)

    def frames(self) -> list[Shown]:
        """The person in every frame, all with the strongest motion that keeps the person whole in every frame.

        Raises:
            RenderError: border contact cannot be had even at rest.
        """
        still = self._still()
        for calm in _CALM:
            moved = list(self._moved(calm))
            if len(moved) == len(self._recipe.frames) and all(
                keeps_person(still[time], layer.alpha, self._held)
                for time, layer in zip(self._recipe.frames, moved, strict=True)
            ):
                return moved
        raise AssertionError("a person at rest keeps its own border contact")

    def _still(self) -> dict[int, Grey]:
        """The alpha of every frame on the canvas without any motion."""
        mesh = pull_mesh(self._size, self._placed)
        inside = correction(rim(mesh, self._size), self._held, self._shape, room=max(room(mesh)))
        if inside is None:
            raise RenderError(f"a person cut off at {[contact.side for contact in self._held]} cannot be placed so")
        inverse = inside @ np.linalg.inv(self._placed)
        nearest = cv2.INTER_NEAREST  # only whether there is anybody is asked
        return {
            time: pull_affine(layer.alpha, inverse, self._size, interpolation=nearest)
            for time, layer in self._layers.items()
        }

    def _moved(self, calm: float) -> Iterator[Shown]:
        """The person in every frame, moved; ends at the first frame that cannot hold its contacts."""
        meshes = []
        for mesh in self._meshes(calm):
            inside = correction(rim(mesh, self._size), self._held, self._shape, room=max(room(mesh)))
            if inside is None:
                return
            meshes.append(after(mesh, inside))
        for time, during in zip(self._recipe.frames, exposures(meshes, self._recipe.effects.shutter), strict=True):
            yield self._layers[time].shown(during, self._size, self._boxes[time])

    def _meshes(self, calm: float) -> Iterator[Mesh]:
        """The map of every frame: placement, own motion, shared camera motion and bend, `calm` (0-1) as strong."""
        recipe, size = self._recipe, self._size
        count = len(recipe.frames)
        own, camera = recipe.person.calmed(calm), recipe.camera.calmed(calm if recipe.shared else 0.0)
        bend = None if recipe.bend is None or calm == 0.0 else _bent(recipe.bend, size, calm)
        for pose, shift, part in zip(own.poses(count), camera.poses(count), own.progress(count), strict=True):
            forward = camera_matrix(shift, size) @ pose.matrix(self._pivot, size[0]) @ self._placed
            yield pull_mesh(size, forward, None if bend is None else bend[0] + np.float32(part) * bend[1])


def _lit(recipe: Recipe, person: Cutout, light: NDArray[np.float64] | None) -> NDArray[np.uint8] | None:
    """The table that changes the person's light: by its own draw, then towards the background's; None: not at all."""
    if light is None:
        return None if recipe.person_colour.neutral else tone_table(recipe.person_colour)
    colours = recipe.person_colour.of(mean_colour(person.foreground, person.alpha))
    return tone_table(recipe.person_colour, matching(colours, light, recipe.match))


def _bent(bend: Bend, size: Shape, calm: float) -> tuple[Mesh, Mesh]:
    """The displacement at the nodes at the start, and its change until the end, in pixels and `calm` as strong."""
    start, end = np.array(bend.start) * size[0] * calm, np.array(bend.end) * size[0] * calm
    values = thin_plate(np.array(bend.points), np.hstack([start, end - start]), fractions(size))
    both = values.reshape(*nodes(size).shape[:2], 4)
    return np.ascontiguousarray(both[..., :2]), np.ascontiguousarray(both[..., 2:])


def camera_matrix(pose: Pose, size: Shape) -> Matrix:
    """A camera's pose turns about the middle of the canvas."""
    return pose.matrix(((size[1] - 1) / 2, (size[0] - 1) / 2), size[0])


def reduced(pixels: NDArray[np.uint8], scale: float) -> NDArray[np.uint8]:
    """Averaged over whole blocks of pixels when a picture is shown at `scale` < 1, so that nothing aliases.

    The rest of the reduction, to at most 1 / 1.75, is left to the one interpolation of the warp.
    """
    block = int(1.0 / scale + _BLOCK_EARLY)
    if block < 2:
        return pixels
    size = max(1, round(pixels.shape[1] / block)), max(1, round(pixels.shape[0] / block))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _occupied(alpha: Grey) -> tuple[int, int, int, int]:
    """`(x0, y0, x1, y1)` around all of a person; of no size where there is nobody."""
    x, y, width, height = cv2.boundingRect(alpha)
    return x, y, x + width, y + height


def shape_of(pixels: NDArray[np.uint8]) -> Shape:
    return pixels.shape[0], pixels.shape[1]


def flipped(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.flip(pixels, 1), dtype=np.uint8)
