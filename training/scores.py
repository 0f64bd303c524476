"""Scores of one method on one burst, and their means over a set: the metrics of `qa`, frame by frame."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from datasets.images import Grey, Image
from qa.matte_metrics import conn, grad, mad, mad_t, mse
from qa.metrics import boundary_f, iou
from qa.video_metrics import dtssd, flicker

FRAME_METRICS = {
    "iou": iou,
    "boundary_f": boundary_f,
    "mad": mad,
    "mse": mse,
    "grad": grad,
    "conn": conn,
    "mad_t": mad_t,
}


@dataclass(frozen=True)
class BurstScores:
    """One method on one burst.

    Attributes:
        frames: metric to value, per frame; None where the method has nothing for the frame.
        burst: `dtssd` and `flicker` (× 1e3); empty unless the method has two frames or more and all of them.
    """

    frames: tuple[dict[str, float] | None, ...]
    burst: dict[str, float]


def score_burst(found: Sequence[Grey | None], truths: Sequence[Grey], images: Sequence[Image]) -> BurstScores:
    """Scores of one method's alphas `(H, W)` uint8 against the truths of the same size."""
    frames = tuple(
        {name: metric(alpha, truth) for name, metric in FRAME_METRICS.items()} if alpha is not None else None
        for alpha, truth in zip(found, truths, strict=True)
    )
    whole = [alpha for alpha in found if alpha is not None]
    if len(whole) < len(found) or len(whole) < 2:
        return BurstScores(frames, {})
    return BurstScores(frames, {"dtssd": dtssd(whole, truths), "flicker": flicker(whole, images) * 1e3})


def mean_scores(bursts: Iterable[BurstScores]) -> dict[str, float]:
    """Means over all frames (over bursts for `dtssd` and `flicker`), and `frames`, how many there were."""
    values: dict[str, list[float]] = defaultdict(list)
    for scores in bursts:
        for row in (*(frame for frame in scores.frames if frame is not None), scores.burst):
            for name, value in row.items():
                values[name].append(value)
    means = {name: math.fsum(found) / len(found) for name, found in values.items()}
    return {**means, "frames": len(values["iou"])}
