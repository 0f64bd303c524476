"""Warps: affine matrices and thin-plate splines, composed into one map so that pixels are interpolated once.

A map pulls: for every output pixel it says which source pixel is seen there. Coordinates are `(x, y)` in pixels with
pixel centres on whole numbers, as in `cv2.remap`.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
"""`(3, 3)` affine matrix in homogeneous pixel coordinates."""
Field = NDArray[np.float32]
"""`(H, W, 2)` float32: a displacement or a position `(x, y)` in pixels for every pixel."""

Window = tuple[slice, slice]
"""Rows and columns of a canvas."""
WHOLE: Window = (slice(None), slice(None))

_TINY = 1e-30
"""Keeps r² log r at 0 for r = 0."""
NO_SECOND_MAP = np.empty(0, dtype=np.float32)
"""`cv2.remap` reads x and y from one map of two channels."""


def translation(x: float, y: float) -> Matrix:
    """Moves by `(x, y)` pixels."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def scaling(factor: float) -> Matrix:
    """Enlarges `factor` times about the centre of the top left pixel."""
    return np.diag([factor, factor, 1.0])


def resizing(old: tuple[int, int], new: tuple[int, int]) -> Matrix:
    """What `cv2.resize` does to coordinates from shape `old` to shape `new` (`(height, width)`): edges meet edges."""
    y, x = new[0] / old[0], new[1] / old[1]
    return np.array([[x, 0.0, (x - 1) / 2], [0.0, y, (y - 1) / 2], [0.0, 0.0, 1.0]])


def affine(
    *,
    pivot: tuple[float, float],
    move: tuple[float, float] = (0.0, 0.0),
    rotation: float = 0.0,
    zoom: float = 1.0,
    shear: float = 0.0,
) -> Matrix:
    """Shears, zooms and rotates about `pivot`, then moves.

    Args:
        pivot: `(x, y)` in pixels; stays where it is but for `move`.
        move: `(x, y)` in pixels, to the right and down.
        rotation: degrees, clockwise on the screen.
        zoom: factor > 0.
        shear: degrees by which verticals lean.
    """
    turn, lean = math.radians(rotation), math.tan(math.radians(shear))
    cos, sin = zoom * math.cos(turn), zoom * math.sin(turn)
    linear = np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])
    linear[:2, 1] += lean * linear[:2, 0]
    x, y = pivot
    return np.asarray(translation(x + move[0], y + move[1]) @ linear @ translation(-x, -y), dtype=np.float64)


def thin_plate(
    points: NDArray[np.float64], offsets: NDArray[np.float64], at: NDArray[np.floating]
) -> NDArray[np.float32]:
    """The thin-plate spline through control points: the smoothest field that takes the given values there.

    f(p) = a + A·p + Σ wᵢ U(|p − pᵢ|), U(r) = r² log r, Σ wᵢ = 0, Σ wᵢ pᵢ = 0 (Bookstein, "Principal Warps", 1989).

    Args:
        points: `(N, 2)` control points as fractions `(x, y)` of width and height, at least three, not on one line.
        offsets: `(N, C)` values at the points, in any unit: the spline is linear in them.
        at: `(M, 2)` where the spline is wanted, fractions as the points.

    Returns:
        `(M, C)` float32.

    Raises:
        ValueError: the points are too few, coincide or lie on one line.
    """
    count = len(points)
    system = np.zeros((count + 3, count + 3))
    system[:count, :count] = _bend(points, points)
    system[:count, count] = system[count, :count] = 1.0
    system[:count, count + 1 :] = points
    system[count + 1 :, :count] = points.T
    values = np.zeros((count + 3, offsets.shape[1]))
    values[:count] = offsets
    if count < 3 or np.linalg.matrix_rank(system[:count, count:]) < 3 or len(np.unique(points, axis=0)) < count:
        raise ValueError(f"a thin-plate spline needs three or more distinct points off one line, got {points.tolist()}")
    solution = np.linalg.solve(system, values)
    where = at.astype(np.float32)
    basis = np.hstack([_bend(where, points.astype(np.float32)), np.ones((len(at), 1), np.float32), where])
    return np.asarray(basis @ solution.astype(np.float32), dtype=np.float32)


def _bend(at: NDArray[Any], points: NDArray[Any]) -> NDArray[Any]:
    """`(M, N)`: U(r) = r² log r between all pairs."""
    squared = np.square(at[:, :1] - points[:, 0]) + np.square(at[:, 1:] - points[:, 1])
    return np.asarray(0.5 * squared * np.log(np.maximum(squared, squared.dtype.type(_TINY))))


@lru_cache(maxsize=8)
def identity_field(shape: tuple[int, int]) -> Field:
    """`(H, W, 2)`: every pixel's own position. Kept between calls, hence read-only."""
    field = np.empty((*shape, 2), dtype=np.float32)
    field[..., 0] = np.arange(shape[1], dtype=np.float32)
    field[..., 1] = np.arange(shape[0], dtype=np.float32)[:, None]
    field.flags.writeable = False
    return field


def pull_map(shape: tuple[int, int], forward: Matrix) -> Field:
    """The map of an affine motion: output p shows source forward⁻¹·p.

    Args:
        shape: `(height, width)` of the output.
        forward: where source pixels go, `(3, 3)`, invertible.

    Returns:
        `(H, W, 2)` float32 source positions, as `pull` reads them.
    """
    return after(identity_field(shape), np.asarray(np.linalg.inv(forward), dtype=np.float64))


def after(field: Field, matrix: Matrix) -> Field:
    """The map `field` with an affine motion of the source coordinates applied to its values: q ↦ matrix·q."""
    return np.asarray(cv2.transform(field, matrix[:2]), dtype=np.float32)


def corner_map(shape: tuple[int, int], forward: Matrix) -> Field:
    """`(2, 2, 2)` float32: where the four corner pixels of a canvas of `shape` look under an affine motion.

    The map of an affine motion has its extremes there, so it can be held (`stages.border_contact.hold`) by these alone.
    """
    x, y = np.meshgrid(np.array((0, shape[1] - 1), np.float32), np.array((0, shape[0] - 1), np.float32))
    return after(np.stack([x, y], axis=2), np.asarray(np.linalg.inv(forward), dtype=np.float64))


def pull_affine(
    picture: NDArray[np.uint8], inverse: Matrix, shape: tuple[int, int], *, interpolation: int = cv2.INTER_LINEAR
) -> NDArray[np.uint8]:
    """A `(h, w)` or `(h, w, C)` picture on a canvas of `shape` whose pixel p shows inverse·p, without making a map.

    Outside the picture lies zero.
    """
    how = interpolation | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(picture, inverse[:2], shape[::-1], flags=how), dtype=np.uint8)


def pull(
    layer: NDArray[np.uint8], field: Field, *, interpolation: int = cv2.INTER_LINEAR, border: int = cv2.BORDER_CONSTANT
) -> NDArray[np.uint8]:
    """`layer`, `(h, w)` or `(h, w, C)` uint8 with any number of channels, seen through a `(H, W, 2)` map.

    Outside the layer lies zero with the default border.
    """
    return np.asarray(cv2.remap(layer, field, NO_SECOND_MAP, interpolation, borderMode=border), dtype=np.uint8)
