"""True masks, a share of them damaged as annotators and old models damage them: to fit and to measure on."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from datasets.images import Grey
from qa.damage import TYPES, damage_to_iou
from qa.metrics import Mask, as_mask, iou

BANDS = ((0.8, 0.94), (0.65, 0.8), (0.5, 0.65))
"""IoU with truth of the damaged masks. Where a type cannot be so bad, it is less bad."""
PARTS = (1.2, 0.9, 0.9)
"""How the damaged masks divide over the bands: more than a third lies in the first, which is the hardest to find."""
WHOLE = 0.5
"""Chance that a clip of a video is damaged alike, and not a single frame: as many of its frames as still may be."""
POLYGONS = 0.5
"""Chance that a jagged edge is a coarse polygon, and not teeth."""
PLANNED = 0.5
"""Damage is planned at so many times the masks' size, on a quarter of the pixels; the IoU is that at full size."""
PATIENCE = 100
"""Tries a damaged mask, until it is clear that there are none left that can be damaged."""


@dataclass(frozen=True, eq=False)
class Annotation:
    """One frame's mask `(H, W)` bool, and the type of its damage, or ""."""

    mask: Mask
    kind: str = ""


def annotate(bursts: Sequence[Sequence[Mask]], share: float, rng: np.random.Generator) -> list[list[Annotation]]:
    """The bursts' masks with `share` of all frames damaged, all types equally often, whole clips among them.

    Raises:
        ValueError: so many frames cannot be damaged.
    """
    frames = [(burst, index) for burst in range(len(bursts)) for index in range(len(bursts[burst]))]
    wanted = round(share * len(frames))
    chosen: dict[tuple[int, int], Annotation] = {}
    counts: Counter[str] = Counter()
    bands: Counter[tuple[str, tuple[float, float]]] = Counter()
    quota = math.ceil(wanted / len(TYPES))
    for _ in range(PATIENCE * wanted):
        if len(chosen) == wanted:
            break
        kind = min(rng.permutation(TYPES).tolist(), key=lambda kind: counts[kind])
        burst, index = frames[rng.integers(len(frames))]
        masks = [mask.astype(np.uint8) * 255 for mask in bursts[burst]]
        if (burst, index) in chosen or not masks[index].any():
            continue
        whole = len(masks) > 1 and rng.random() < WHOLE
        if whole and any((burst, other) in chosen for other in range(len(masks))):
            continue
        order = sorted(BANDS, key=lambda band: bands[kind, band] / PARTS[BANDS.index(band)])
        found = next((new for band in order if (new := _damaged(kind, masks, index, whole, band, rng))), {})
        for place, mask in list(found.items())[: min(quota - counts[kind], wanted - len(chosen))]:
            chosen[burst, place] = Annotation(mask, kind)
            counts[kind] += 1
            bands[kind, _band(iou(mask, bursts[burst][place]))] += 1
    if len(chosen) < wanted:
        scarce = min(TYPES, key=lambda kind: counts[kind])
        raise ValueError(f"{scarce}: found no mask left that can be damaged so; take a smaller share")
    return [
        [chosen.get((burst, index), Annotation(mask)) for index, mask in enumerate(masks)]
        for burst, masks in enumerate(bursts)
    ]


def _band(value: float) -> tuple[float, float]:
    return next((band for band in BANDS if value >= band[0]), BANDS[-1])


def _damaged(
    kind: str,
    masks: Sequence[Grey],
    index: int,
    whole: bool,
    band: tuple[float, float],
    rng: np.random.Generator,
) -> Mapping[int, Mask] | None:
    """Frame to damaged mask, of the whole burst or of one frame; None where this cannot be done to them."""
    full, masks = masks, [_planned(mask) for mask in masks]
    try:
        if kind == "jagged_edge" and rng.random() < POLYGONS:
            places = range(len(masks)) if whole else [index]
            drawn = {place: coarse_polygon(masks[place], *band) for place in places if masks[place].any()}
        elif kind == "flicker" and not whole:
            (mask,) = damage_to_iou(kind, [masks[index]], *band, rng)  # a frame that is the odd one out
            drawn = {index: mask}
        else:
            damaged = damage_to_iou(kind, masks, *band, rng)
            drawn = {place: damaged[place] for place in (range(len(masks)) if whole else [index])}
    except ValueError:
        return None
    changes = {place: as_mask(mask) ^ as_mask(masks[place]) for place, mask in drawn.items()}
    found = {
        place: as_mask(full[place]) ^ _enlarged(change, full[place].shape)
        for place, change in changes.items()
        if change.any()
    }
    fits = all(band[0] <= iou(mask, full[place]) <= band[1] for place, mask in found.items())
    return found if found and fits else None


def _planned(mask: Grey) -> Grey:
    small = cv2.resize(mask, None, fx=PLANNED, fy=PLANNED, interpolation=cv2.INTER_AREA)
    return np.where(np.asarray(small) >= 128, np.uint8(255), np.uint8(0))


def _enlarged(change: Mask, shape: tuple[int, ...]) -> Mask:
    smooth = cv2.resize(change.astype(np.float32), (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
    return np.asarray(smooth >= 0.5)


def coarse_polygon(mask: Grey, low: float, high: float) -> Grey:
    """The `(H, W)` uint8 mask redrawn with so few straight pieces that its IoU with itself is in `[low, high]`.

    Douglas-Peucker on the outer outlines, as who clicks polygons draws them; holes are lost.

    Raises:
        ValueError: no number of corners gives such an IoU.
    """
    contours, _ = cv2.findContours((mask >= 128).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    for tolerance in np.geomspace(1, 0.5 * max(mask.shape), 40):
        drawn = np.zeros_like(mask)
        pieces = [cv2.approxPolyDP(contour, float(tolerance), closed=True) for contour in contours]
        cv2.fillPoly(drawn, [piece for piece in pieces if len(piece) > 2], 255)
        if iou(drawn, mask) <= high:
            break
    if not low <= iou(drawn, mask) <= high:
        raise ValueError(f"no polygon of this mask has an IoU of {low} to {high}; take wider bounds")
    return drawn
