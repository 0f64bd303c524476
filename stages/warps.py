"""Warps: affine matrices and thin-plate splines, composed into one map so that pixels are interpolated once.

A map pulls: for every output pixel it says which source pixel is seen there. Coordinates are `(x, y)` in pixels with
pixel centres on whole numbers, as in `cv2.remap`.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
"""`(3, 3)` affine matrix in homogeneous pixel coordinates."""
Field = NDArray[np.float32]
"""`(H, W, 2)` float32: a displacement or a position `(x, y)` in pixels for every pixel."""

COARSE = (18, 32)
"""Rows and columns of the grid on which a thin-plate spline is solved: it is smooth, so the rest is interpolation."""

_NO_SECOND_MAP = np.empty(0, dtype=np.float32)
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
    points: NDArray[np.float64], offsets: NDArray[np.float64], *, grid: tuple[int, int] = COARSE
) -> NDArray[np.float32]:
    """The thin-plate spline through control points: the smoothest field that takes the given values there.

    f(p) = a + A·p + Σ wᵢ U(|p − pᵢ|), U(r) = r² log r, Σ wᵢ = 0, Σ wᵢ pᵢ = 0 (Bookstein, "Principal Warps", 1989).

    Args:
        points: `(N, 2)` control points as fractions `(x, y)` of width and height, at least three, not on one line.
        offsets: `(N, C)` values at the points, in any unit: the spline is linear in them.
        grid: rows and columns of the result.

    Returns:
        `(rows, columns, C)` float32: the spline at the centres of the grid's cells.

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
    rows, columns = grid
    y, x = np.mgrid[0:rows, 0:columns]
    cells = np.stack([(x.ravel() + 0.5) / columns, (y.ravel() + 0.5) / rows], axis=1)
    basis = np.hstack([_bend(cells, points), np.ones((len(cells), 1)), cells])
    return np.asarray((basis @ solution).reshape(rows, columns, -1), dtype=np.float32)


def _bend(at: NDArray[np.float64], points: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(M, N)`: U(r) = r² log r between all pairs."""
    squared = ((at[:, None, :] - points[None, :, :]) ** 2).sum(axis=2)
    return np.asarray(0.5 * squared * np.log(np.where(squared > 0.0, squared, 1.0)), dtype=np.float64)


def dense(coarse: NDArray[np.float32], shape: tuple[int, int]) -> Field:
    """A coarse `(rows, columns, 2)` field resized bicubically to `shape` (`(height, width)`); values are kept."""
    return np.asarray(cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def identity_field(shape: tuple[int, int]) -> Field:
    """`(H, W, 2)`: every pixel's own position."""
    field = np.empty((*shape, 2), dtype=np.float32)
    field[..., 0] = np.arange(shape[1], dtype=np.float32)
    field[..., 1] = np.arange(shape[0], dtype=np.float32)[:, None]
    return field


def pull_map(shape: tuple[int, int], forward: Matrix, displacement: Field | None = None) -> Field:
    """The map of a bend after an affine motion: output p shows source forward⁻¹·(p + displacement(p)).

    Args:
        shape: `(height, width)` of the output.
        forward: where source pixels go, `(3, 3)`, invertible.
        displacement: `(H, W, 2)` in output pixels, or None for no bend.

    Returns:
        `(H, W, 2)` float32 source positions, as `pull` reads them.
    """
    field = identity_field(shape)
    if displacement is not None:
        field += displacement
    return after(field, np.asarray(np.linalg.inv(forward), dtype=np.float64))


def after(field: Field, matrix: Matrix) -> Field:
    """The map `field` with an affine motion of the source coordinates applied to its values: q ↦ matrix·q."""
    return np.asarray(cv2.transform(field, matrix[:2]), dtype=np.float32)


def pull(
    layer: NDArray[np.uint8], field: Field, *, interpolation: int = cv2.INTER_LINEAR, border: int = cv2.BORDER_CONSTANT
) -> NDArray[np.uint8]:
    """`layer`, `(h, w)` or `(h, w, C)` uint8 with any number of channels, seen through a `(H, W, 2)` map.

    Outside the layer lies zero with the default border.
    """
    return np.asarray(cv2.remap(layer, field, _NO_SECOND_MAP, interpolation, borderMode=border), dtype=np.uint8)
