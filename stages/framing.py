"""Framing: where on the canvas a person stands and which part of a background is seen, before anything moves."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from stages.border_contact import Side
from stages.warps import Matrix, scaling, translation

_ROOM = 0.95
"""Largest fraction of the canvas width for a person whom no side cuts off."""
_MAX_SCALE = 2.0
"""A person is not enlarged more than this for the framing's sake: it would only be blurred."""


@dataclass(frozen=True)
class Framing:
    """How a person is wanted on the canvas.

    Attributes:
        height: fraction of the canvas height from the head's top to the canvas bottom.
        closeness: >= 1; how much larger than that a person cut off at the bottom is, as a closer camera would have it.
        position: fraction of the canvas width at which the person's middle stands.
        distance: > 0; how much smaller than that a whole person is, as a camera further away would have it; below 1
            larger, and cut off by the canvas bottom.
    """

    height: float
    closeness: float
    position: float
    distance: float = 1.0


@dataclass(frozen=True)
class Companion:
    """A second person, who stands still behind the first: a stranger, or another frame of the same burst.

    Attributes:
        frame: `time_us` of it. mirror: flipped left to right. framing: where they stand.
        source, subject: of a stranger; empty: the person's own.
    """

    frame: int
    mirror: bool
    framing: Framing
    source: str = ""
    subject: str = ""


@dataclass(frozen=True)
class Crop:
    """How a background is wanted on the canvas.

    Attributes:
        zoom: >= 1; 1 just covers the canvas.
        right, down: fractions 0-1 of the room that is left to shift the view.
    """

    zoom: float
    right: float
    down: float


@dataclass(frozen=True)
class Placement:
    """Where a picture lies on the canvas: enlarged `scale` times, its top left corner at `(right, down)` pixels."""

    scale: float
    right: float
    down: float

    @property
    def matrix(self) -> Matrix:
        """`(3, 3)`: where a pixel of the picture is on the canvas; edges of pixels, not centres, are placed."""
        inset = 0.5 * (self.scale - 1.0)
        return translation(self.right + inset, self.down + inset) @ scaling(self.scale)

    def withdrawn(self, x: float, y: float, distance: float) -> Placement:
        """The picture `distance` times smaller, its point `(x, y)`, in pixels of its own, where it was."""
        moved = self.scale * (1.0 - 1.0 / distance)
        return Placement(self.scale / distance, self.right + x * moved, self.down + y * moved)


def bounds(mask: NDArray[np.bool_]) -> tuple[int, int, int, int]:
    """`(x0, y0, x1, y1)` around the true pixels of an `(H, W)` mask, the upper ends exclusive.

    Raises:
        ValueError: no pixel is true.
    """
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not columns.size:
        raise ValueError("an empty mask has no bounds: leave frames without a person out before framing them")
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def place_person(
    person: tuple[int, int, int, int],
    touched: Collection[Side],
    source: tuple[int, int],
    canvas: tuple[int, int],
    framing: Framing,
) -> Placement:
    """Scales and shifts a source frame so that the person is framed as wanted and every touched side stays cut off.

    A side that cuts the person off lies on or outside the canvas's same side: head and shoulders keep growing out of
    the canvas bottom, whatever the two aspect ratios are. Touched sides rule over the wanted framing. A whole person
    stands on the canvas bottom, or further away, or nearer.

    Args:
        person: `(x0, y0, x1, y1)` in source pixels, upper ends exclusive.
        touched: sides of the source that cut the person off.
        source, canvas: `(height, width)`.
    """
    x0, y0, x1, y1 = person
    both = "left" in touched and "right" in touched
    headroom = 0.0 if "top" in touched else (1.0 - framing.height) * canvas[0]
    scale = (canvas[0] - headroom) / (y1 - y0)
    if "bottom" in touched and "top" not in touched:
        scale *= framing.closeness
    if "left" not in touched and "right" not in touched:
        scale = min(scale, _ROOM * canvas[1] / (x1 - x0))
    scale = min(scale, _MAX_SCALE)
    if both:
        scale = max(scale, canvas[1] / source[1])
    if "top" in touched and "bottom" in touched:
        scale = max(scale, canvas[0] / source[0])
    width = source[1] * scale
    if both:
        right = (canvas[1] - width) * framing.position
    elif "left" in touched or "right" in touched:
        right = 0.0 if "left" in touched else canvas[1] - width
    else:
        ends = -x0 * scale, canvas[1] - x1 * scale
        right = min(max(framing.position * canvas[1] - (x0 + x1) / 2 * scale, min(ends)), max(ends))
    down = 0.0 if "top" in touched else max(headroom - y0 * scale, canvas[0] - y1 * scale)
    place = Placement(scale, right, down)
    # Before a camera at the height of the eyes whoever walks off keeps the head where it was, and the feet rise.
    return place if touched else place.withdrawn((x0 + x1) / 2, y0, framing.distance)


def place_background(source: tuple[int, int], canvas: tuple[int, int], crop: Crop) -> Placement:
    """Scales and shifts a background so that it covers the canvas; sizes are `(height, width)`."""
    scale = crop.zoom * max(canvas[0] / source[0], canvas[1] / source[1])
    height, width = source[0] * scale, source[1] * scale
    return Placement(scale, (canvas[1] - width) * crop.right, (canvas[0] - height) * crop.down)
