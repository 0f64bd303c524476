"""The keyed test clip as evaluation saw it, frame by frame: what the report's player plays."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from datasets.images import Grey, Image, encode_jpeg, encode_png
from training.evaluation_set import MeasuredBurst
from training.scores import BurstScores

FILE = "keyed_clip.parquet"
METHODS = ("student", "selfie_landscape", "label")
"""Whose alphas are kept, beside the frame and the truth."""
BURSTS = 16
"""Bursts that are kept at most, spread evenly over the clip."""
SIDE = 480
"""Longest side of the pictures in pixels."""

SCHEMA = pa.schema(
    [("burst", pa.string()), ("time_us", pa.int64())]
    + [(f"iou_{method}", pa.float64()) for method in METHODS]
    + [(name, pa.large_binary()) for name in ("frame", "truth", *METHODS)]
)
"""Text and numbers of a frame, then its pictures: a JPEG, and alphas as 8-bit grey PNG, empty where there is none."""


class Replay:
    """Collects the frames of the keyed clip, encoded, burst by burst.

    Args:
        bursts: how many bursts the clip has.
    """

    def __init__(self, bursts: int) -> None:
        self._every = max(1, math.ceil(bursts / BURSTS))
        self._seen = 0
        self._rows: list[dict[str, Any]] = []

    def add(
        self, burst: MeasuredBurst, found: Mapping[str, Sequence[Grey | None]], scores: Mapping[str, BurstScores]
    ) -> None:
        """Take in one burst: each method's alphas and their scores."""
        if self._seen % self._every == 0:
            self._rows += [_row(burst, index, found, scores) for index in range(len(burst.times))]
        self._seen += 1

    def write(self, out: Path) -> None:
        """Write the frames into folder `out`; without a keyed clip the table is empty."""
        pq.write_table(
            pa.Table.from_pylist(self._rows, schema=SCHEMA), out / FILE, row_group_size=32, compression="zstd"
        )


def _row(
    burst: MeasuredBurst,
    index: int,
    found: Mapping[str, Sequence[Grey | None]],
    scores: Mapping[str, BurstScores],
) -> dict[str, Any]:
    row: dict[str, Any] = {
        "burst": burst.name,
        "time_us": burst.times[index],
        "frame": encode_jpeg(_fitted(burst.images[index]), quality=90),
        "truth": encode_png(_fitted(burst.truths[index])),
    }
    for method in METHODS:
        alpha = found[method][index] if method in found else None
        values = scores[method].frames[index] if method in scores else None
        row[method] = encode_png(_fitted(alpha)) if alpha is not None else b""
        row[f"iou_{method}"] = values["iou"] if values else None
    return row


def _fitted(pixels: Image | Grey) -> Image | Grey:
    """At most SIDE pixels wide and high; never enlarged."""
    height, width = pixels.shape[:2]
    scale = min(1.0, SIDE / max(height, width))
    if scale == 1:
        return pixels
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
