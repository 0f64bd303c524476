"""Meshes: a smooth map known at a node every eight pixels, bilinear in between.

An affine motion is bilinear, and a thin-plate spline is so smooth that eight pixels are straight but for a few
hundredths of one. All that is decided about a map (does it hold a border, where is the person seen?) is decided at the
nodes, 64 times fewer than pixels; what is between them is filled in where a person is, and nowhere else.

Node `(r, c)` of a `(R + 2, C + 2, 2)` float32 mesh lies at pixel `(8 c - 4.5, 8 r - 4.5)` of a canvas of R x C blocks
of 8 x 8 pixels: in the middle of a block, with one ring of nodes around the canvas.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from stages.warps import NO_SECOND_MAP, Field, Matrix, Window, after

STEP = 8
"""Pixels from node to node. `cv2.resize` by a whole factor is what fills in the rest."""
_OFFSET = (STEP + 1) / 2
"""Pixels from the first node to the first pixel."""
STRIP = 8 * STEP
"""Rows of a map that are filled in at a time."""
EXPOSED = 5
"""Moments of an exposure that are averaged."""
Mesh = NDArray[np.float32]
"""`(R + 2, C + 2, 2)` float32 positions or displacements `(x, y)` in pixels at the nodes."""
Box = tuple[int, int, int, int]
"""`(x0, y0, x1, y1)` in pixels, upper ends exclusive."""


@lru_cache(maxsize=8)
def nodes(shape: tuple[int, int]) -> Mesh:
    """Where the nodes of a canvas of `shape` (`(height, width)`) are. Kept between calls, hence read-only."""
    rows, columns = (STEP * np.arange(-(-side // STEP) + 2) - _OFFSET for side in shape)
    at = np.stack(np.meshgrid(columns, rows), axis=2).astype(np.float32)
    at.flags.writeable = False
    return at


@lru_cache(maxsize=8)
def fractions(shape: tuple[int, int]) -> NDArray[np.float64]:
    """`(N, 2)`: the nodes, row by row, as fractions `(x, y)` of the canvas's width and height."""
    return np.asarray((nodes(shape).reshape(-1, 2) + 0.5) / (shape[1], shape[0]), dtype=np.float64)


def pull_mesh(shape: tuple[int, int], forward: Matrix, displacement: Mesh | None = None) -> Mesh:
    """The map of a bend after an affine motion, at the nodes: p shows source forward⁻¹·(p + displacement(p)).

    Args:
        shape: `(height, width)` of the canvas.
        forward: where source pixels go, `(3, 3)`, invertible.
        displacement: at the nodes, in canvas pixels, or None for no bend.
    """
    at = nodes(shape) if displacement is None else nodes(shape) + displacement
    return after(at, np.asarray(np.linalg.inv(forward), dtype=np.float64))


def exposures(meshes: Sequence[Mesh], shutter: float) -> list[list[Mesh]]:
    """The maps during the exposure of every frame: from its own towards the next frame's (the last: the one before).

    Args:
        shutter: 0-1, the part of the way to the next frame; 0: each frame's own map and nothing else.
    """
    if shutter == 0.0 or len(meshes) < 2:
        return [[mesh] for mesh in meshes]
    following = [*meshes[1:], meshes[-2]]
    parts = np.linspace(0.0, shutter, EXPOSED, dtype=np.float32)
    return [
        [mesh] if np.array_equal(mesh, other) else [mesh + part * (other - mesh) for part in parts]
        for mesh, other in zip(meshes, following, strict=True)
    ]


def rim(mesh: Mesh, shape: tuple[int, int]) -> Mesh:
    """The nodes on a canvas, and the map at its outermost pixels in place of the nodes around it.

    Between these the map is bilinear too, so its extremes on the canvas are among them.
    """
    drawn = mesh
    for axis, side in enumerate(shape):
        lines = np.moveaxis(drawn, axis, 0)
        last = int((side - 1 + _OFFSET) / STEP)  # the last node on the canvas
        first, end = np.float32(_OFFSET / STEP), np.float32((side - 1 + _OFFSET) / STEP - last)
        low = lines[0] + first * (lines[1] - lines[0])
        high = lines[last] + end * (lines[last + 1] - lines[last])
        drawn = np.moveaxis(np.concatenate([low[None], lines[1 : last + 1], high[None]]), 0, axis)
    return drawn


def room(mesh: Mesh) -> tuple[float, float]:
    """The furthest that the map moves within one cell, `(x, y)` in source pixels."""
    right, down = (sum(float(np.abs(np.diff(mesh[..., i], axis=axis)).max()) for axis in (0, 1)) for i in (0, 1))
    return right, down


def window(mesh: Mesh, shape: tuple[int, int], box: Box) -> Window:
    """The blocks of the canvas in which the map may show anything of a source's `box`: rather too many than too few."""
    right, down = room(mesh)
    x, y = mesh[1:-1, 1:-1, 0], mesh[1:-1, 1:-1, 1]
    seen = (x > box[0] - right - 1) & (x < box[2] + right) & (y > box[1] - down - 1) & (y < box[3] + down)
    rows, columns = np.flatnonzero(seen.any(axis=1)), np.flatnonzero(seen.any(axis=0))
    if not rows.size:
        return slice(0, 0), slice(0, 0)
    return (
        slice(int(rows[0]) * STEP, min(int(rows[-1] + 1) * STEP, shape[0])),
        slice(int(columns[0]) * STEP, min(int(columns[-1] + 1) * STEP, shape[1])),
    )


def fill(mesh: Mesh, part: Window) -> Field:
    """`(h, w, 2)`: the map at every pixel of a part of the canvas that begins on whole blocks (`window`)."""
    rows, columns = part
    height, width = rows.stop - rows.start, columns.stop - columns.start
    if not height or not width:
        return np.empty((height, width, 2), np.float32)
    top, left = rows.start // STEP, columns.start // STEP
    around = mesh[top : top - (-height // STEP) + 2, left : left - (-width // STEP) + 2]
    size = around.shape[1] * STEP, around.shape[0] * STEP
    filled = cv2.resize(around, size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(filled[STEP : STEP + height, STEP : STEP + width], dtype=np.float32)


def pull_parts(
    pictures: Sequence[NDArray[np.uint8]], mesh: Mesh, part: Window, *, interpolation: int = cv2.INTER_LINEAR
) -> list[NDArray[np.uint8]]:
    """`(h, w)` or `(h, w, C)` pictures of one size seen through a mesh in one part of the canvas, and only there.

    In strips: the map of a whole canvas is several times the picture, and would be new memory for every frame.
    """
    rows, columns = part
    size = rows.stop - rows.start, columns.stop - columns.start
    seen = [np.empty((*size, *picture.shape[2:]), dtype=np.uint8) for picture in pictures]
    for top in range(0, size[0] if size[1] else 0, STRIP):
        field = fill(mesh, (slice(rows.start + top, min(rows.start + top + STRIP, rows.stop)), columns))
        for picture, canvas in zip(pictures, seen, strict=True):
            cv2.remap(picture, field, NO_SECOND_MAP, interpolation, dst=canvas[top : top + STRIP])
    return seen
