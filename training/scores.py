"""Scores of one method on one burst, and their means over a set: the metrics of `qa`, frame by frame."""

from __future__ import annotations

import functools
import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from datasets.images import Grey, Image
from qa.matte_metrics import conn, grad, mad, mad_t, mse
from qa.metrics import Alpha, ClassAreas, boundary_f, boundary_iou, class_areas, iou, miou2_of_areas
from qa.video_metrics import dtssd, flicker, flicker_static

FRAME_METRICS: dict[str, Callable[[Alpha, Alpha], float]] = {
    "iou": iou,
    "boundary_f": boundary_f,
    "mad": mad,
    "mse": mse,
    "grad": grad,
    "conn": conn,
    "mad_t": mad_t,
    "boundary_iou": boundary_iou,
    "boundary_iou_inside": functools.partial(boundary_iou, ignore_sides=True),
}
"""Metric to value of one frame. The mean of `iou` over a set is `fg_iou_image_mean`."""
BURST_METRICS = ("dtssd", "flicker", "flicker_static")


@dataclass(frozen=True)
class BurstScores:
    """One method on one burst.

    Attributes:
        frames: metric to value, per frame; None where the method has nothing for the frame.
        burst: `dtssd`, `flicker` and `flicker_static` (× 1e3); empty unless the method has two frames or more and all
            of them.
        areas: of the frames that the method has something for: what `miou2_dataset` sums over the whole set.
    """

    frames: tuple[dict[str, float] | None, ...]
    burst: dict[str, float]
    areas: tuple[ClassAreas, ...] = ()


def score_burst(found: Sequence[Grey | None], truths: Sequence[Grey], images: Sequence[Image]) -> BurstScores:
    """Scores of one method's alphas `(H, W)` uint8 against the truths of the same size."""
    frames = tuple(
        {name: metric(alpha, truth) for name, metric in FRAME_METRICS.items()} if alpha is not None else None
        for alpha, truth in zip(found, truths, strict=True)
    )
    areas = tuple(class_areas(alpha, truth) for alpha, truth in zip(found, truths, strict=True) if alpha is not None)
    whole = [alpha for alpha in found if alpha is not None]
    if len(whole) < len(found) or len(whole) < 2:
        return BurstScores(frames, {}, areas)
    burst = {
        "dtssd": dtssd(whole, truths),
        "flicker": flicker(whole, images) * 1e3,
        "flicker_static": flicker_static(whole) * 1e3,
    }
    return BurstScores(frames, burst, areas)


def mean_scores(bursts: Iterable[BurstScores]) -> dict[str, float]:
    """Means over all frames (over bursts for `BURST_METRICS`), `frames`, how many there were, and `miou2_dataset`."""
    values: dict[str, list[float]] = defaultdict(list)
    areas: list[ClassAreas] = []
    for scores in bursts:
        areas += scores.areas
        for row in (*(frame for frame in scores.frames if frame is not None), scores.burst):
            for name, value in row.items():
                values[name].append(value)
    means = {name: math.fsum(found) / len(found) for name, found in values.items()}
    if areas:
        means["miou2_dataset"] = miou2_of_areas(areas)
    return {**means, "frames": len(values["iou"])}
