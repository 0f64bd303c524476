"""Tiny shards for the student's tests: a bright ellipse ("person") on a noisy background."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.images import encode_jpeg, encode_png
from datasets.schema import ClipRow, CuratedRow
from datasets.shards import write_rows
from training.config import BatchConfig, HourglassConfig, TrainConfig

SIZE = (32, 64)


def picture(seed: int, shift: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A `(32, 64, 3)` frame and its `(32, 64)` alpha; `shift` moves the person to the right."""
    rng = np.random.default_rng(seed)
    alpha = np.zeros(SIZE, np.uint8)
    cv2.ellipse(alpha, (int(rng.integers(20, 40)) + shift, 26), (9, 16), 0, 0, 360, 255, -1)
    image = rng.integers(0, 80, (*SIZE, 3), dtype=np.uint8)
    image[alpha > 0] = (220, 180, 150)
    return image, alpha


def clip_row(index: int, split: str, group: str = "silver") -> ClipRow:
    frames = [picture(index, shift) for shift in range(3)]
    trust = encode_png(np.full(SIZE, 255, np.uint8))
    return ClipRow(
        source=f"person{index:04d}", clip=0, burst=0, time_us=0, seed=index, recipe="{}", background="b",
        background_path="b.jpg", path="p.mp4", subject="p", split=split, group=group, quality=1.0,
        width=SIZE[1], height=SIZE[0], images=[encode_jpeg(image) for image, _ in frames],
        alphas=[encode_png(alpha) for _, alpha in frames], trusts=[trust] * 3, licences=["MIT"],
    )  # fmt: skip


def curated_row(index: int, time: int, split: str, group: str = "gold", role: str = "footage") -> CuratedRow:
    image, alpha = picture(index, time)
    return CuratedRow(
        source=f"real{index:04d}", clip=0, burst=0, time_us=time * 40_000, path="r.mp4", name=f"{time}",
        width=SIZE[1], height=SIZE[0], image=encode_jpeg(image), alpha=encode_png(alpha),
        trust=encode_png(np.full(SIZE, 255, np.uint8)), foreground=b"", group=group, split=split, role=role,
        label_source="fused", quality=1.0, error="", scenarios=[], subject="r", licences=["MIT"], truth=b"",
    )  # fmt: skip


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A shard of clips (40 train, 4 val, one reject) and one of curated frames (4 bursts of 4, one of them val)."""
    folder = tmp_path_factory.mktemp("shards")
    clips, curated = folder / "clips-000.parquet", folder / "curated-000.parquet"
    rows = [clip_row(index, "train" if index < 40 else "val") for index in range(44)]
    write_rows(clips, [*rows, clip_row(99, "train", group="reject")], ClipRow)
    write_rows(
        curated,
        [curated_row(index, time, "val" if index == 3 else "train") for index in range(4) for time in range(4)],
        CuratedRow,
    )
    return clips, curated


@pytest.fixture
def tiny() -> TrainConfig:
    """A student and a run that take seconds."""
    return TrainConfig(
        steps=8,
        coarse_steps=3,
        warmup_steps=2,
        validate_every=4,
        checkpoint_every=3,
        validation_clips=4,
        threads=1,
        model=HourglassConfig(height=32, width=64, channels=(8, 12, 16, 16), squeeze=(4, 4, 8, 8), depths=(1, 1, 1, 1)),
        batch=BatchConfig(size=6, ahead=2),
    )


Picture = Callable[[int, int], tuple[np.ndarray, np.ndarray]]


@pytest.fixture(scope="session")
def draw() -> Picture:
    return picture
