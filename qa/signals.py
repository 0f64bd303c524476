"""Signals of one frame: numbers about its label computed without truth. See `temporal_signals` for those of a burst.

Every signal is normalised so that it means the same at any resolution. A signal that a frame cannot have (no teacher
voted, the detector said nothing, the label is empty) is left out rather than made up.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from qa.contest import contest_signals
from qa.expert_signals import expert_signals
from qa.metrics import Mask, iou, within
from qa.outline_signals import outline_signals
from qa.support import least_support
from qa.view import Box, View

DISSENT = 0.3
"""A pixel is in doubt when at least this share of the teachers contradicts the label."""
SPECK = 1e-3
"""Components and holes below this share of the foreground are specks and not counted."""
CONTACT_DEPTH = 2
"""Rows or columns at a side that count as touching it, in pixels of the working size."""
SURE_BOX = 0.5
"""Score from which a box is taken to hold a person."""
SURE_SHARE = 0.5
"""Share of the best box's score from which a person counts as sure, whatever the detectors' scale."""
SIDES = ("left", "top", "right", "bottom")


def frame_signals(view: View) -> dict[str, float]:
    """All signals of one frame by name.

    - `teacher_iou`, `teacher_f`: mean pairwise IoU and boundary F of the teachers; `teacher_iou_min`: the worst pair.
    - `label_iou`, `label_f`: median agreement of the label with the teachers; `…_best`, `…_second`, `…_worst`: with the
      ones that agree best, second best and least. `support`: where the votes support the label least, see `qa.support`.
    - `core_doubt`, `band_doubt`: mean share of the teachers that contradict the label, in the foreground's core and in
      the band around its boundary. `regions`: connected regions of doubt outside the band; `region_area`,
      `region_largest`: their area over the label's perimeter × the band's width.
    - `core_trust`, `band_trust`: mean of the trust map, 0-1. `unknown_width`: area of the unknown band over the
      perimeter, as a fraction of the diagonal.
    - `components`, `holes`: how many; `hole_area`: share of the foreground; `stray_area`: share of the foreground
      outside the as many largest components as there are persons; `apart_area`: the same with sure persons alone.
    - `edge_fit`: image gradient on the boundary over that plus the gradient just beside it: 0.5 is chance.
    - `box_iou`: IoU of the label with the persons' boxes; `box_outside`: share of the foreground outside of them;
      `box_filled`: foreground share of the emptiest sure box. `box_score`: the best box's score.
    - Those of `contest_signals`, `expert_signals` and `outline_signals`.
    - `area`: share of the frame that is foreground. `contact_left` …: share of each side that the foreground touches.
    """
    signals = _agreement(view) | _trust(view) | _shape(view) | _boxes(view)
    signals |= contest_signals(view) | expert_signals(view) | outline_signals(view)
    signals |= {f"contact_{side}": value for side, value in zip(SIDES, contacts(view.label.mask), strict=True)}
    signals["area"] = float(np.mean(view.label.mask))
    if view.label.edge.any():
        signals["edge_fit"] = _edge_fit(view)
    return signals


def opposition(view: View, mask: Mask) -> NDArray[np.float32]:
    """`(H, W)` float32 0-1: the share of the teachers that contradict a mask."""
    return np.abs(view.ayes - mask)


def contacts(mask: Mask) -> tuple[float, float, float, float]:
    """Share of the left, top, right and bottom side that the foreground touches, 0-1."""
    depth = CONTACT_DEPTH
    columns, rows = mask[:, :depth].any(axis=1), mask[:depth].any(axis=0)
    return (
        float(np.mean(columns)),
        float(np.mean(rows)),
        float(np.mean(mask[:, -depth:].any(axis=1))),
        float(np.mean(mask[-depth:].any(axis=0))),
    )


def box_mask(view: View, *, margin: float = 0.0) -> Mask:
    """`(H, W)` bool: inside any person's box, each side moved out by `margin` of the box's size."""
    inside = np.zeros(view.shape, np.bool_)
    for box in view.boxes or ():
        inside[_box_slices(box, view.shape, margin)] = True
    return inside


def _box_slices(box: Box, shape: tuple[int, int], margin: float = 0.0) -> tuple[slice, slice]:
    (x0, y0, x1, y1), (height, width) = box, shape
    mx, my = (x1 - x0) * margin, (y1 - y0) * margin
    rows = slice(max(0, math.floor((y0 - my) * height)), max(0, math.ceil((y1 + my) * height)))
    return rows, slice(max(0, math.floor((x0 - mx) * width)), max(0, math.ceil((x1 + mx) * width)))


def _agreement(view: View) -> dict[str, float]:
    if not view.outlines:
        return {}
    all_ious, all_fs = view.agreement
    ious, fs = np.sort(all_ious[0, 1:]).tolist(), np.sort(all_fs[0, 1:]).tolist()
    signals = {
        "teachers": float(len(view.outlines)),
        "label_iou": float(np.median(ious)),
        "label_iou_best": ious[-1],
        "label_f": float(np.median(fs)),
        "label_f_best": fs[-1],
        "support": least_support(np.mean(list(view.votes.values()), axis=0, dtype=np.float32), view.label.mask),
    }
    if len(view.outlines) > 1:
        signals |= {"label_iou_second": ious[-2], "label_iou_worst": ious[0]}
        signals |= {"label_f_second": fs[-2], "label_f_worst": fs[0]}
        pairs = np.triu_indices(len(view.outlines), 1)
        pair_ious = all_ious[1:, 1:][pairs]
        signals["teacher_iou"] = float(np.mean(pair_ious))
        signals["teacher_iou_min"] = float(np.min(pair_ious))
        signals["teacher_f"] = float(np.mean(all_fs[1:, 1:][pairs]))
    return signals | _doubt(view)


def _doubt(view: View) -> dict[str, float]:
    against, band = opposition(view, view.label.mask), view.label.band
    core = view.label.mask & ~band
    count, _, stats, _ = cv2.connectedComponentsWithStats(((against >= DISSENT) & ~band).astype(np.uint8))
    areas = stats[1:, cv2.CC_STAT_AREA]
    # Boundary length is not error: a person with a long outline may have more of it in doubt than a compact one.
    unit = max(1, int(np.count_nonzero(view.label.edge))) * view.label.radius
    speck = SPECK * view.label.mask.size
    return {
        "core_doubt": float(np.mean(against[core])) if core.any() else 0.0,
        "band_doubt": float(np.mean(against[band])) if band.any() else 0.0,
        "regions": float(np.count_nonzero(areas >= speck)),
        "region_area": float(areas.sum()) / unit,
        "region_largest": float(areas.max()) / unit if count > 1 else 0.0,
    }


def _trust(view: View) -> dict[str, float]:
    band = view.label.band
    core = view.label.mask & ~band
    signals = {}
    if core.any():
        signals["core_trust"] = float(np.mean(view.trust[core])) / 255
    if band.any():
        signals["band_trust"] = float(np.mean(view.trust[band])) / 255
        perimeter = int(np.count_nonzero(view.label.edge))
        signals["unknown_width"] = view.unknown * view.label.mask.size / perimeter / view.diagonal
    return signals


def _shape(view: View) -> dict[str, float]:
    mask = view.label.mask
    area = int(np.count_nonzero(mask))
    if not area:
        return {"components": 0.0, "holes": 0.0}
    parts, holes = _component_areas(mask), _hole_areas(mask)
    persons = max(1, len(view.boxes or ()))
    sure = max(1, sum(score >= SURE_SHARE * max(view.scores) for score in view.scores))
    return {
        "components": float(np.count_nonzero(parts >= SPECK * area)),
        "stray_area": float(parts[persons:].sum()) / area,
        "apart_area": float(parts[sure:].sum()) / area,
        "holes": float(np.count_nonzero(holes >= SPECK * area)),
        "hole_area": float(holes.sum()) / area,
    }


def _component_areas(mask: Mask) -> NDArray[np.int64]:
    """Areas of the 8-connected components, largest first."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    return np.sort(stats[1:, cv2.CC_STAT_AREA].astype(np.int64))[::-1]


def _hole_areas(mask: Mask) -> NDArray[np.int64]:
    """Areas of the holes: 4-connected background that reaches no side of the image."""
    outside = np.pad(~mask, 1, constant_values=True).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(outside, connectivity=4)
    return np.delete(stats[:, cv2.CC_STAT_AREA].astype(np.int64), [0, labels[0, 0]])


def _edge_fit(view: View) -> float:
    # A label may lie a pixel beside the edge at working size: the best gradient within one pixel counts.
    gradient = np.asarray(cv2.dilate(view.gradient, np.ones((3, 3), np.uint8)), dtype=np.float32)
    beside = view.label.band & ~within(view.label.edge, 2)
    on_edge = float(np.mean(gradient[view.label.edge]))
    off_edge = float(np.mean(gradient[beside])) if beside.any() else on_edge
    return on_edge / (on_edge + off_edge) if on_edge + off_edge else 0.5


def _boxes(view: View) -> dict[str, float]:
    if view.boxes is None:
        return {}
    signals = {"persons": float(len(view.boxes)), "box_score": max(view.scores, default=0.0)}
    if view.boxes:
        label = view.label.mask
        signals["box_iou"] = iou(label, box_mask(view))
        if label.any():
            signals["box_outside"] = float(np.mean(~box_mask(view, margin=0.1)[label]))
        filled = [
            float(np.mean(label[_box_slices(box, view.shape)]))
            for box, score in zip(view.boxes, view.scores, strict=True)
            if score >= SURE_BOX and label[_box_slices(box, view.shape)].size
        ]
        if filled:
            signals["box_filled"] = min(filled)
    return signals
