"""Border contact: a person cut off by a side of the picture must stay cut off by that side, never float.

S = the sides with at least 2 % contact. A motion may move the cut into the picture; then it is undone as far as needed:
the layer is shifted along the side's normal, or, where it is held from both ends, enlarged about the contact's
midpoint. Idea: Alibaba's portrait synthesis, "if the person touches an image side, it must touch it afterwards".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from stages.warps import Field, Matrix, after, scaling, translation

Side = Literal["left", "right", "top", "bottom"]
SIDES: tuple[Side, ...] = ("left", "right", "top", "bottom")
MINIMUM = 0.02
"""Fraction of a side's length from which a person counts as cut off there."""

_ENDS: tuple[tuple[Side, Side], ...] = (("left", "right"), ("top", "bottom"))
OPAQUE = 128
"""Alpha from which a pixel counts as person."""
_ROUNDS = 6
_SLACK = 1e-2
"""Pixels of padding too thin to be seen: bilinear interpolation takes 1 % off the alpha there."""


@dataclass(frozen=True)
class Contact:
    """Where a person is cut off.

    Attributes:
        side: the side of the layer.
        first, last: the stretch along that side, in pixels; -inf and inf where it runs into the corner.
    """

    side: Side
    first: float = -math.inf
    last: float = math.inf

    def resized(self, factor: float) -> Contact:
        """The contact on a layer whose sides are `factor` times as long; edges meet edges."""
        shift = (factor - 1) / 2
        return Contact(self.side, self.first * factor + shift, self.last * factor + shift)


ALL_SIDES = tuple(Contact(side) for side in SIDES)
"""Contacts of a layer that must fill the canvas: a background."""


def side_pixels(mask: NDArray[np.uint8], side: Side) -> NDArray[np.bool_]:
    """The foreground along one side of an `(H, W)` alpha: `(W,)` for top and bottom, `(H,)` for left and right."""
    line = {"left": mask[:, 0], "right": mask[:, -1], "top": mask[0], "bottom": mask[-1]}[side]
    return np.asarray(line >= OPAQUE, dtype=np.bool_)


def contacts(mask: NDArray[np.uint8], *, minimum: float = MINIMUM) -> tuple[Contact, ...]:
    """The sides of an `(H, W)` uint8 alpha on which at least `minimum` of the length is foreground."""
    found = []
    for side in SIDES:
        line = side_pixels(mask, side)
        if line.mean() >= minimum and line.any():
            on = np.flatnonzero(line)
            first, last = float(on[0]), float(on[-1])
            found.append(
                Contact(side, -math.inf if first <= 1 else first - 1, math.inf if last >= line.size - 2 else last + 1)
            )
    return tuple(found)


def union(groups: Iterable[Sequence[Contact]]) -> tuple[Contact, ...]:
    """One contact per side that holds the contacts of several frames, so that all frames are held alike."""
    merged: dict[Side, Contact] = {}
    for contact in (contact for group in groups for contact in group):
        old = merged.get(contact.side, contact)
        merged[contact.side] = Contact(contact.side, min(old.first, contact.first), max(old.last, contact.last))
    return tuple(merged[side] for side in SIDES if side in merged)


def correction(field: Field, held: Sequence[Contact], layer: tuple[int, int], *, room: float = 0.0) -> Matrix | None:
    """The affine motion of layer coordinates after which a map shows no padding behind any held contact.

    Behind a contact the person goes on, but the layer has no pixels of it. No output pixel may look there: each that
    does, by d pixels, moves the whole layer by d along the side's normal.

    Args:
        field: `(H, W, 2)` map from the canvas into the layer, at every pixel or at nodes (`stages.mesh.rim`).
        held: contacts in layer pixels.
        layer: `(height, width)` of the layer.
        room: of nodes: how far the map moves between neighbours. Those so near to the contact count as behind it.

    Returns:
        `(3, 3)`, the identity where nothing is amiss; None where padding cannot be avoided.
    """
    wider = [replace(contact, first=contact.first - room, last=contact.last + room) for contact in held]
    total: Matrix = np.eye(3)
    for _ in range(_ROUNDS):
        step = _correction(field, wider, layer)
        if step is None:
            return total
        field, total = after(field, step), step @ total
    return None


def hold(field: Field, held: Sequence[Contact], layer: tuple[int, int]) -> Field | None:
    """The map with its `correction`, the same object where nothing is amiss; None where there is no correction."""
    matrix = correction(field, held, layer)
    if matrix is None:
        return None
    return field if np.array_equal(matrix, np.eye(3)) else after(field, matrix)


def _correction(field: Field, held: Sequence[Contact], layer: tuple[int, int]) -> Matrix | None:
    """The affine motion of layer coordinates that brings the worst padded pixels back inside; None if none are out."""
    by_side = {contact.side: contact for contact in held}
    move = [0.0, 0.0]
    for axis, (low_side, high_side) in enumerate(_ENDS):
        low = _reach(field, by_side.get(low_side), axis, np.min)
        high = _reach(field, by_side.get(high_side), axis, np.max)
        end = float(layer[1 - axis] - 1)
        if low is None and high is None:
            continue
        if low is not None and high is not None and high - low > end + _SLACK:
            pair = (by_side[low_side], by_side[high_side])
            return _enlarge(axis, low, high, _middle(pair, layer[axis]), end)
        if low is not None and low < -_SLACK:
            move[axis] = -low
        elif high is not None and high > end + _SLACK:
            move[axis] = end - high
    return translation(*move) if move != [0.0, 0.0] else None


def _reach(field: Field, contact: Contact | None, axis: int, extreme: Callable[..., np.float32]) -> float | None:
    """The outermost layer coordinate along `axis` that the canvas sees in a contact's stretch; None without any."""
    if contact is None:
        return None
    seen = field[..., axis]
    if math.isinf(contact.first) and math.isinf(contact.last):
        return float(extreme(seen))
    along = field[..., 1 - axis]
    behind = seen[(along >= contact.first) & (along <= contact.last)]
    return float(extreme(behind)) if behind.size else None


def _enlarge(axis: int, low: float, high: float, middle: float, end: float) -> Matrix:
    """Scales the view so that `low` and `high` come to lie on 0 and `end`, about `middle` across the axis."""
    factor = end / (high - low)
    centre = [middle, middle]
    centre[axis] = -low * factor / (1 - factor)  # (q - low) * factor, written as a scaling about a point
    return translation(*centre) @ scaling(factor) @ translation(-centre[0], -centre[1])


def _middle(pair: Iterable[Contact], length: int) -> float:
    """The midpoint of the contacts along their sides, in pixels of a side of `length` pixels."""
    pair = tuple(pair)
    first, last = min(contact.first for contact in pair), max(contact.last for contact in pair)
    return (max(first, 0.0) + min(last, length - 1.0)) / 2


def keeps_person(before: NDArray[np.uint8], now: NDArray[np.uint8], held: Sequence[Contact]) -> bool:
    """Whether a moved alpha is still the person: half of each held contact is left, and the area is in [.5, 1.6].

    Args:
        before, now: `(H, W)` uint8 alphas on the canvas without and with the motion.
        held: the contacts of the person.
    """
    area, moved = np.count_nonzero(before >= OPAQUE), np.count_nonzero(now >= OPAQUE)
    if not 0.5 * area <= moved <= 1.6 * area:
        return False
    return all(
        side_pixels(now, contact.side).mean() >= 0.5 * side_pixels(before, contact.side).mean() for contact in held
    )
