"""A project whose frames are drawn: scored labels with typed errors, ready for review, without models or Ray."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from datasets.images import Grey, decode_grey, encode_jpeg, encode_png
from datasets.manifest import write_manifest
from datasets.receipt import Receipt, StoredFile
from datasets.schema import FrameRow, LabelRow, QualityRow, Row
from datasets.shards import file_digest, read_rows, write_rows

WIDTH, HEIGHT = 320, 180
BURST = 4
TYPES: dict[str, type[Row]] = {"ingest": FrameRow, "fuse": LabelRow, "score": QualityRow}


def draw_project(root: Path, bursts: int = 6, *, size: tuple[int, int] = (WIDTH, HEIGHT), label: int = 1) -> Path:
    """`bursts` bursts of four frames of one video; labels are smaller than the frames by `label`."""
    source = hashlib.sha256(b"film").hexdigest()
    rows: dict[str, list[Row]] = {stage: [] for stage in TYPES}
    for index in range(BURST * bursts):
        key = {"source": source, "clip": 0, "burst": index // BURST, "time_us": 40_000 * index}
        image, alpha = person(index, size)
        width, height = size[0] // label, size[1] // label
        small = cv2.resize(alpha, (width, height), interpolation=cv2.INTER_AREA)
        quality = 0.05 + 0.5 * (index % 7) / 7
        rows["ingest"].append(
            FrameRow(
                **key, path="film.mp4", name=f"{key['time_us']:012d}", width=size[0], height=size[1],
                source_width=size[0], source_height=size[1], image=encode_jpeg(image), blur=1.0, duplicate=64.0,
                subject="ann", licences=["CC0-1.0"], origin="", split="train", role="footage", mask=b"", truth=b"",
            )
        )  # fmt: skip
        rows["fuse"].append(
            LabelRow(
                **key, width=width, height=height, alpha=encode_png(small), trust=encode_png(np.full_like(small, 200)),
                foreground=encode_jpeg(cv2.resize(image, (width, height))), strategy="weighted", keyed=False,
                unknown=0.1, teachers=["a", "b", "c"],
            )
        )  # fmt: skip
        rows["score"].append(
            QualityRow(
                **key, signals={"review_gain": 1 - quality, "label_iou": 0.9, "core_doubt": 0.1}, quality=quality,
                error="missed_region", error_box=[0.6, 0.6, 0.9, 0.9], scenarios=["dark"], annotation="",
            )
        )  # fmt: skip
    for stage, row_type in TYPES.items():
        write_stage(root, stage, rows[stage], row_type)
    (root / "params.yaml").write_text("curate:\n  required_splits: [train]\n")
    (root / "dvc.yaml").write_text("stages: {}\n")
    return root


def write_stage(root: Path, stage: str, rows: list[Row], row_type: type[Row]) -> None:
    """The out of a stage: one shard and its manifest."""
    out = root / "data" / stage
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    shard = out / f"{stage}-000.parquet"
    write_rows(shard, rows, row_type)
    file = StoredFile(shard.name, file_digest(shard), shard.stat().st_size, len(rows))
    lineage = "" if stage == "ingest" else "ingest-000.parquet"
    write_manifest(out / "manifest.parquet", [Receipt(stage, "", stage, "film.mp4", lineage, (file,), 1, 1)])


def rows_of(root: Path, stage: str) -> list[Row]:
    """All rows of a stage."""
    return list(read_rows(root / "data" / stage / f"{stage}-000.parquet", TYPES[stage]))


def relabel(root: Path, times: set[int], change: Callable[[Grey], Grey]) -> None:
    """Give the frames at these times other labels, as a changed fusion would."""
    changed = [
        dataclasses.replace(row, alpha=encode_png(change(decode_grey(row.alpha)))) if row.time_us in times else row
        for row in rows_of(root, "fuse")
        if isinstance(row, LabelRow)
    ]
    write_stage(root, "fuse", list(changed), LabelRow)


def labels(root: Path) -> dict[tuple[str, int], Grey]:
    """The fused alphas by frame."""
    return {row.frame_key: decode_grey(row.alpha) for row in rows_of(root, "fuse") if isinstance(row, LabelRow)}


@functools.cache
def scene(size: tuple[int, int]) -> np.ndarray:
    """What is behind the person."""
    noise = np.random.default_rng(7).integers(0, 200, (size[1], size[0], 3), dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 3))


def person(index: int, size: tuple[int, int]) -> tuple[np.ndarray, Grey]:
    """A picture with a person that has a soft outline, and its alpha."""
    width, height = size
    hard = np.zeros((height, width), np.uint8)
    x = width // 3 + (index * width // 400) % (width // 4)
    cv2.ellipse(hard, (x, height), (width // 6, height // 2), 0, 180, 360, 255, -1)
    cv2.circle(hard, (x, height // 3), height // 7, 255, -1)
    alpha = cv2.GaussianBlur(hard, (0, 0), max(1.0, height / 120))
    weight = alpha[..., None] / 255
    picture = scene(size) * (1 - weight) + np.array([200, 150, 120]) * weight
    return picture.astype(np.uint8), np.asarray(alpha, np.uint8)


def keys(root: Path) -> Iterator[tuple[str, int]]:
    """All frames in order."""
    yield from (row.frame_key for row in rows_of(root, "score"))
