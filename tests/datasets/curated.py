"""Curated rows for the tests of exports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from datasets.exports import Weights
from datasets.images import encode_jpeg, encode_png
from datasets.schema import CuratedRow
from datasets.shards import write_rows

WEIGHTS = Weights({"gold": 1.0, "silver": 0.8}, {"gold": 0.9, "silver": 0.5})
SIZE = (9, 12)


def alpha_of(number: int) -> np.ndarray:
    """Another soft alpha for every number."""
    return np.random.default_rng(number).choice(np.array([0, 100, 127, 128, 255], np.uint8), SIZE)


def curated(number: int, **fields: Any) -> CuratedRow:
    """Frame `number`; one of three sources, one of three splits."""
    split = ("train", "val", "test")[number % 3]
    pixels = np.random.default_rng(number).integers(0, 256, (*SIZE, 3), np.uint8)
    alpha = encode_png(alpha_of(number))
    values: dict[str, Any] = {
        "source": f"{number % 3:064x}", "clip": 0, "burst": number // 3, "time_us": number * 40_000,
        "path": f"{split}/café_{number % 3}.mp4", "name": f"{number:012d}", "width": SIZE[1], "height": SIZE[0],
        "image": encode_jpeg(pixels), "alpha": alpha, "trust": encode_png(255 - alpha_of(number)),
        "foreground": encode_jpeg(pixels), "group": "gold" if number % 2 else "silver", "split": split,
        "role": "footage", "label_source": "fused", "quality": 0.5, "error": "", "scenarios": ["dark"],
        "subject": f"s{number % 3}", "licences": ["MIT"], "truth": alpha if split == "test" else b"",
    }  # fmt: skip
    return CuratedRow(**values | fields)


def write_shards(folder: Path, rows: Sequence[CuratedRow], *, size: int = 5) -> list[Path]:
    """The rows in shards of `size`."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{start:03d}-000.parquet" for start in range(0, len(rows), size)]
    for start, path in zip(range(0, len(rows), size), paths, strict=True):
        write_rows(path, rows[start : start + size], CuratedRow)
    return paths
