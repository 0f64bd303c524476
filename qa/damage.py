"""Typed damage: masks and votes made wrong the way annotators, old models and teachers are wrong, at a chosen size.

A damage is planned once for a burst, in coordinates of the person (centroid, square root of the area), so that it moves
with the person; only flicker is planned anew for every frame. The plan says per frame what is removed, added or
displaced, and is put into a mask (`damage_burst`, `damage_to_iou`) or into votes before fusion (`inject`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from datasets.clips import Clip
from datasets.images import Grey, decode_grey, encode_png
from datasets.schema import VoteRow
from qa.damage_plans import Change, Field, Plan, plan
from qa.metrics import Mask, as_mask, iou
from stages.paste import Window, paste

TYPES = ("missed_region", "over_segmentation", "wrong_object", "jagged_edge", "lag", "flicker")
"""As `datasets.schema.ERROR_TYPES`."""
ONE, MOST, ALL = 0.0, 0.5, 1.0
"""Shares for `inject`: a single teacher, more than half of them, all."""
CONFIDENCE = 0.92
"""Probability at which damaged votes see what they add."""
VOTE_SIDE = 480
"""Longest side in pixels at which a damage to votes is planned."""


def damage_burst(kind: str, masks: Sequence[Grey], size: float, rng: np.random.Generator) -> list[Grey]:
    """Damaged copies of the `(H, W)` uint8 masks of one burst, all of one shape.

    `size` 0-1 scales the damage: `missed_region` removes that share of the person's area (a limb, the head, a hole),
    `over_segmentation` adds it at the outline, `wrong_object` apart from it; `jagged_edge` displaces the outline by 2-8
    pixels at 480p (sizes above 1 by more, as old models do); `lag` shows what was up to 12 frames earlier (beyond the
    burst's start, and on photos, the mask moves back along its motion, drawn where there is none); `flicker` spoils
    only some frames, each in another way.
    An empty mask has nothing to damage and stays. The same `rng` state gives the same damage.

    Raises:
        ValueError: no such kind, or all masks are empty.
    """
    planned = plan(kind, [as_mask(mask) for mask in masks], rng)
    return [_changed(masks, index, planned(index, size)) for index in range(len(masks))]


def damage_to_iou(kind: str, masks: Sequence[Grey], low: float, high: float, rng: np.random.Generator) -> list[Grey]:
    """As `damage_burst`, at the size (per frame) that gives each damaged mask an IoU with its own in `[low, high]`.

    Empty masks, and the frames that a flicker leaves alone, come back unchanged.

    Raises:
        ValueError: a mask cannot be damaged so, for example a jagged edge on a large smooth person.
    """
    planned = plan(kind, [as_mask(mask) for mask in masks], rng)
    target = float(rng.uniform(low + 0.15 * (high - low), high - 0.15 * (high - low)))
    damaged = []
    for index, mask in enumerate(masks):
        spared = not as_mask(mask).any() or planned(index, 1.0).spares
        damaged.append(mask.copy() if spared else _searched(planned, masks, index, (low, high), target, kind))
    return damaged


def _searched(
    planned: Plan, masks: Sequence[Grey], index: int, bounds: tuple[float, float], target: float, kind: str
) -> Grey:
    """The change nearest to the target: bisection, then a scan, since a lag's IoU need not fall with its size."""
    small, large = 0.0, 4.0 if kind == "jagged_edge" else 1.0  # old models' edges are worse than 8 pixels
    scan = list(np.linspace(small, large, 25)[1:])
    best: tuple[float, Grey] | None = None
    for step in range(12 + len(scan)):
        if best and (best[0] < 0.01 or step >= 12):
            break
        size = (small + large) / 2 if step < 12 else float(scan[step - 12])
        changed = _changed(masks, index, planned(index, size))
        found = iou(changed, masks[index])
        if bounds[0] <= found <= bounds[1] and (best is None or abs(found - target) < best[0]):
            best = abs(found - target), changed
        small, large = (size, large) if found > target else (small, size)
    if best is None:
        raise ValueError(f"{kind}: no size gives frame {index} an IoU in {bounds}; take another kind or wider bounds")
    return best[1]


def inject(kind: str, clip: Clip, size: float, rng: np.random.Generator, share: float = MOST) -> Clip:
    """The burst with one damage in the votes of more than `share` of its teachers (`ONE`, `MOST`, `ALL`).

    The damage is planned on the median of the votes; the votes stay at each teacher's own resolution and in its own
    windows, so a teacher that looks at crops adds nothing outside of them. Abstaining teachers go on abstaining.

    Raises:
        ValueError: no such kind, or the median sees nobody in any frame.
    """
    teachers = sorted(clip.votes)
    count = min(len(teachers), math.floor(share * len(teachers)) + 1)
    chosen = set(rng.permutation(teachers)[:count].tolist())
    planned = plan(kind, reference_masks(clip), rng)
    changes = [planned(index, size) for index in range(len(clip))]
    votes = {name: _vote_rows(rows, changes) if name in chosen else rows for name, rows in clip.votes.items()}
    return replace(clip, votes=votes)


def reference_masks(clip: Clip) -> list[Mask]:
    """Median of the votes at one half, per frame; what damages to votes are planned on."""
    masks = []
    for index, frame in enumerate(clip.frames):
        assert frame is not None
        scale = min(1.0, VOTE_SIDE / max(frame.width, frame.height))
        width, height = round(frame.width * scale), round(frame.height * scale)
        ballot = [rows[index] for rows in clip.votes.values()]
        pasted = [paste(vote, width, height) for vote in ballot if vote is not None]
        seen = [grey for grey in pasted if grey is not None]
        masks.append(np.median(seen, axis=0) >= 128 if seen else np.zeros((height, width), np.bool_))
    return masks


def _changed(masks: Sequence[Grey], index: int, change: Change) -> Grey:
    """The change put into the mask of frame `index`."""
    grey = masks[index - change.back].copy()
    if change.field is not None:
        grey = _displaced(grey, change.field)
    if change.remove is not None:
        grey[change.remove] = 0
    if change.add is not None:
        grey[change.add] = 255
    return grey


def _displaced(grey: Grey, field: Field) -> Grey:
    x, y = np.meshgrid(np.arange(grey.shape[1], dtype=np.float32), np.arange(grey.shape[0], dtype=np.float32))
    moved = cv2.remap(grey, x + field[..., 0], y + field[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.uint8)


def _vote_rows(rows: Sequence[VoteRow | None], changes: Sequence[Change]) -> tuple[VoteRow | None, ...]:
    changed: list[VoteRow | None] = []
    for index, (row, change) in enumerate(zip(rows, changes, strict=True)):
        shown = rows[index - change.back]
        if row is None or shown is None or change.spares:
            changed.append(row)
            continue
        maps = [
            encode_png(_changed_map(decode_grey(data), window, change))
            for window, data in zip(shown.windows, shown.maps, strict=True)
        ]
        changed.append(replace(row, windows=shown.windows, maps=maps))
    return tuple(changed)


def _changed_map(grey: Grey, window: Window, change: Change) -> Grey:
    """The change, planned on the whole frame, put into one map that shows a window of it."""
    planes = [plane for plane in (change.remove, change.add, change.field) if plane is not None]
    height, width = planes[0].shape[:2]
    rows, columns = grey.shape
    x0, y0, x1, y1 = window
    # Pixel centres lie at half-integers on both sides, as in `stages.paste`.
    xs = (x0 + (np.arange(columns) + 0.5) / columns * (x1 - x0)) * width - 0.5
    ys = (y0 + (np.arange(rows) + 0.5) / rows * (y1 - y0)) * height - 0.5
    frame_x, frame_y = (axis.astype(np.float32) for axis in np.meshgrid(xs, ys))

    def seen(plane: Field) -> Field:
        placed = cv2.remap(plane, frame_x, frame_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(placed, np.float32)

    values = grey
    if change.field is not None:
        scale = np.asarray([columns / ((x1 - x0) * width), rows / ((y1 - y0) * height)], np.float32)
        values = _displaced(values, seen(change.field) * scale)
    if change.remove is not None:
        values = np.rint(values * (1 - seen(change.remove.astype(np.float32)))).astype(np.uint8)
    if change.add is not None:
        added = 255 * CONFIDENCE * seen(change.add.astype(np.float32))
        values = np.maximum(values, np.rint(added).astype(np.uint8))
    return values
