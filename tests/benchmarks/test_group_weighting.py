"""Damage has the share and severity that was asked for, the pipeline's groups see it, and the summary is right."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pyarrow.parquet as pq
import pytest

from datasets.images import encode_jpeg, encode_png
from datasets.schema import BoxRow, FrameRow, LabelRow, VoteRow
from pipeline.params import Params
from qa.damage import TYPES

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SIZE = (96, 128)
PARAMS = Params()


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("weighting_figures")


@pytest.fixture
def corruption(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("corrupted")


def entry(corruption: ModuleType, clip: int, burst: int, time: int) -> object:
    """A drawn person whom three teachers see exactly."""
    rng = np.random.default_rng(clip)
    mask = np.zeros(SIZE, np.uint8)
    x, y = int(rng.integers(45, 80)) + time, int(rng.integers(40, 56))
    cv2.ellipse(mask, (x, y), (14, 12), 0, 0, 360, 255, -1)
    cv2.rectangle(mask, (x - 20, y + 8), (x + 20, y + 36), 255, -1)
    image = rng.integers(0, 60, (*SIZE, 3), dtype=np.uint8)
    image[mask > 0] = (220, 180, 150)
    key = {"source": "photos" if burst == 0 else "video", "clip": clip, "burst": burst, "time_us": clip * 1000 + time}
    frame = FrameRow(
        **key, path="p", name=f"{clip}", width=SIZE[1], height=SIZE[0], source_width=SIZE[1], source_height=SIZE[0],
        image=encode_jpeg(image), blur=500.0, duplicate=64.0, subject=f"{clip}", licences=["MIT"], origin="",
        split="train", role="footage", mask=b"", truth=b"",
    )  # fmt: skip
    full = encode_png(np.full(SIZE, 255, np.uint8))
    fused = LabelRow(
        **key, width=SIZE[1], height=SIZE[0], alpha=encode_png(mask), trust=full, foreground=encode_jpeg(image),
        strategy="mean", keyed=False, unknown=0.0, teachers=["a", "b", "c"],
    )  # fmt: skip
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    box = [columns[0] / SIZE[1], rows[0] / SIZE[0], (columns[-1] + 1) / SIZE[1], (rows[-1] + 1) / SIZE[0]]
    boxes = BoxRow(**key, boxes=[[float(side) for side in box]], scores=[0.9], support=[2])
    votes = {
        teacher: VoteRow(**key, teacher=teacher, windows=[[0.0, 0.0, 1.0, 1.0]], maps=[encode_png(mask)])
        for teacher in ("a", "b", "c")
    }
    return corruption.Labelled(frame, mask, mask, fused, boxes, votes)


@pytest.fixture
def footage(corruption: ModuleType) -> list:
    photos = [entry(corruption, clip, 0, 0) for clip in range(60)]
    return photos + [entry(corruption, clip, 1, time) for clip in range(5) for time in range(8)]


def test_damage_has_the_share_and_all_types_and_the_rest_stays(corruption: ModuleType, footage: list) -> None:
    damaged = corruption.corrupted(footage, 0.4, 0, PARAMS)
    hurt = [one for one in damaged if one.damage]
    assert len(hurt) == 40 and {one.damage for one in hurt} == set(TYPES)
    assert all(0.5 <= one.iou <= 0.94 for one in hurt)
    assert all(np.array_equal(one.alpha, one.truth) for one in damaged if not one.damage)
    assert all(one.quality is not None for one in damaged)
    other = corruption.corrupted(footage, 0.4, 1, PARAMS)
    assert [one.damage for one in other] != [one.damage for one in damaged]


def test_a_redrawn_label_keeps_the_soft_outline_where_it_is_right(corruption: ModuleType) -> None:
    truth = np.array([[0, 90, 255, 200]], np.uint8)
    mask = np.array([[False, True, True, False]])
    assert corruption.redrawn(truth, mask).tolist() == [[0, 255, 255, 0]]
    assert corruption.redrawn(truth, truth >= 128).tolist() == truth.tolist()


def test_the_pipeline_sees_the_damage_without_the_truth(corruption: ModuleType, footage: list, tmp_path: Path) -> None:
    damaged = corruption.corrupted(footage, 0.4, 0, PARAMS)
    rows = corruption.curated(damaged, PARAMS, tmp_path)
    groups = {(row.source, row.time_us): row.group for row in rows}
    hurt = {one.frame.frame_key for one in damaged if one.damage}
    reviewed = [key for key, group in groups.items() if group == "gold"]
    assert 0 < len(reviewed) <= 0.12 * len(damaged)  # 5 % of a hundred frames, by chance
    silver = [key for key, group in groups.items() if group == "silver"]
    assert len(silver) > 20 and np.mean([key in hurt for key in silver]) < 0.1
    weights = {row["group"]: row for row in pq.read_table(corruption.weights_of(tmp_path)).to_pylist()}
    assert weights["silver"]["weight"] > weights["bronze"]["weight"]
    assert sum(row["audited"] for row in weights.values()) == len(reviewed)
    # a wrong region is trusted by nobody
    worst = min(damaged, key=lambda one: one.iou)
    wrong = (worst.alpha >= 128) != (worst.truth >= 128)
    assert worst.trust[wrong].max() == 0 and worst.trust[~wrong].min() == 255


def test_to_believe_everything_keeps_everything_and_the_doubted_can_be_dropped(
    corruption: ModuleType, footage: list
) -> None:
    damaged = corruption.corrupted(footage, 0.4, 0, PARAMS)
    assert len(corruption.believed(damaged)) == len(damaged)
    kept = corruption.believed(damaged, least_quality=0.6)
    assert 0 < len(kept) < len(damaged)
    assert {row.group for row in kept} == {"gold"}
    full = encode_png(np.full(SIZE, 255, np.uint8))
    assert {row.trust for row in kept} == {full}
    assert corruption.believed(damaged, trust=True)[0].trust == encode_png(damaged[0].trust)


def test_the_summary_by_hand(figures: ModuleType) -> None:
    scores = {}
    for seed, (clean, uniform, ours) in enumerate([(0.9, 0.8, 0.88), (0.92, 0.82, 0.9), (0.94, 0.84, 0.92)]):
        for arm, level, iou in (("uniform", 0.0, clean), ("uniform", 0.4, uniform), ("ours", 0.4, ours)):
            scores[arm, level, seed] = {"ccp": iou + 0.01, "keyed": iou - 0.01}
    summary = figures.summarise(scores, ("uniform", "ours"), (0.0, 0.2, 0.4))
    assert summary["gap_recovered"] == {"0.2": None, "0.4": 0.8}
    assert summary["gap_sd"] == pytest.approx(0.1 / 0.02)
    assert summary["iou"] == {
        "0.0": {"uniform": 0.92, "ours": None},
        "0.2": None,
        "0.4": {"uniform": 0.82, "ours": 0.9},
    }


def test_one_seed_has_no_deviation(figures: ModuleType) -> None:
    scores = {("uniform", 0.0, 0): {"ccp": 0.9}, ("uniform", 0.4, 0): {"ccp": 0.8}, ("ours", 0.4, 0): {"ccp": 0.85}}
    summary = figures.summarise(scores, ("uniform", "ours"), (0.0, 0.4))
    assert summary["gap_sd"] is None and summary["gap_recovered"] == {"0.4": 0.5}


def test_help_explains_the_arms() -> None:
    script = str(BENCHMARKS / "group_weighting.py")
    shown = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True, check=True).stdout
    for word in ("uniform", "drop_bad", "ours", "--quick", "--truth", "--cache"):
        assert word in shown
