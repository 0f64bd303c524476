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

from datasets.images import decode_grey, encode_jpeg, encode_png
from datasets.schema import BoxRow, FrameRow, VoteRow
from pipeline.params import Params
from qa.damage import TYPES
from qa.metrics import iou

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
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    box = [columns[0] / SIZE[1], rows[0] / SIZE[0], (columns[-1] + 1) / SIZE[1], (rows[-1] + 1) / SIZE[0]]
    boxes = BoxRow(**key, boxes=[[float(side) for side in box]], scores=[0.9], support=[2])
    votes = {
        teacher: VoteRow(**key, teacher=teacher, windows=[[0.0, 0.0, 1.0, 1.0]], maps=[encode_png(mask)])
        for teacher in ("a", "b", "c")
    }
    return corruption.Labelled(frame, mask, mask, boxes, votes)


@pytest.fixture
def footage(corruption: ModuleType) -> list:
    photos = [entry(corruption, clip, 0, 0) for clip in range(60)]
    return photos + [entry(corruption, clip, 1, time) for clip in range(5) for time in range(8)]


def test_damage_has_the_share_and_all_types_and_the_rest_stays(corruption: ModuleType, footage: list) -> None:
    damaged = corruption.corrupted(footage, 0.4, 0)
    hurt = [one for one in damaged if one.damage]
    assert len(hurt) == 40 and {one.damage for one in hurt} == set(TYPES)
    assert all(0.5 <= one.iou <= 0.94 for one in hurt)
    assert all(np.array_equal(one.alpha, one.truth) for one in damaged if not one.damage)
    other = corruption.corrupted(footage, 0.4, 1)
    assert [one.damage for one in other] != [one.damage for one in damaged]


def test_a_redrawn_label_keeps_the_soft_outline_where_it_is_right(corruption: ModuleType) -> None:
    truth = np.array([[0, 90, 255, 200]], np.uint8)
    mask = np.array([[False, True, True, False]])
    assert corruption.redrawn(truth, mask).tolist() == [[0, 255, 255, 0]]
    assert corruption.redrawn(truth, truth >= 128).tolist() == truth.tolist()


def test_the_pipeline_sees_the_damage_without_the_truth(corruption: ModuleType, footage: list, tmp_path: Path) -> None:
    damaged = corruption.judged(corruption.corrupted(footage, 0.4, 0), PARAMS)
    rows = corruption.curated(damaged, PARAMS, tmp_path)
    groups = {(row.source, row.time_us): row.group for row in rows}
    reviewed = [key for key, group in groups.items() if group == "gold"]
    assert 0 < len(reviewed) <= 0.12 * len(damaged)  # 5 % of a hundred frames, by chance
    truths = {one.frame.frame_key: one.truth for one in damaged}
    ious = [iou(decode_grey(row.alpha), truths[row.source, row.time_us]) for row in rows if row.group == "silver"]
    assert len(ious) > 20 and np.mean(np.array(ious) > 0.95) > 0.9
    weights = {row["group"]: row for row in pq.read_table(corruption.weights_of(tmp_path)).to_pylist()}
    assert weights["silver"]["weight"] > weights["bronze"]["weight"]
    assert sum(row["audited"] for row in weights.values()) == len(reviewed)
    # what was wrong and is found gives way to the votes, which are right here
    clear = {one.frame.frame_key: one for one in damaged if one.iou < 0.8}
    for row in rows:
        one = clear.get((row.source, row.time_us))
        if one and row.group != "gold":
            assert row.label_source == "fused" and iou(decode_grey(row.alpha), one.truth) > 0.95
    (tmp_path / "kept").mkdir()
    kept = corruption.curated(damaged, PARAMS, tmp_path / "kept", annotations="keep")
    assert {row.label_source for row in kept} == {"annotation", "reviewed"}


def test_what_the_judge_doubts_can_be_dropped_and_the_rest_is_believed(corruption: ModuleType, footage: list) -> None:
    damaged = corruption.judged(corruption.corrupted(footage, 0.4, 0), PARAMS)
    doubted = [one for one in damaged if one.doubted]
    assert np.mean([bool(one.damage) for one in doubted]) > 0.9
    assert len(doubted) > 0.8 * sum(bool(one.damage) for one in damaged)
    rows = corruption.believed(damaged)
    assert len(rows) == len(damaged) and {row.group for row in rows} == {"gold"}
    assert {row.trust for row in rows} == {encode_png(np.full(SIZE, 255, np.uint8))}
    assert [row.alpha for row in rows] == [encode_png(one.alpha) for one in damaged]


def test_the_summary_by_hand(figures: ModuleType) -> None:
    scores = {}
    for seed, (clean, uniform, ours) in enumerate([(0.9, 0.8, 0.88), (0.92, 0.82, 0.9), (0.94, 0.84, 0.92)]):
        for arm, level, score in (("uniform", 0.0, clean), ("uniform", 0.4, uniform), ("ours", 0.4, ours)):
            scores[arm, level, seed] = {"ccp": score + 0.01, "views": score - 0.03, "keyed": seed}  # in no mean
    summary = figures.summarise(scores, ("uniform", "ours"), (0.0, 0.2, 0.4), {"ccp": 30, "views": 10, "keyed": 99})
    assert summary["gap_recovered"] == {"0.2": None, "0.4": 0.8}
    assert summary["gap_sd"] == pytest.approx(0.1 / 0.02)
    assert summary["iou"] == {
        "0.0": {"uniform": 0.92, "ours": None},
        "0.2": None,
        "0.4": {"uniform": 0.82, "ours": 0.9},
    }


def test_one_seed_has_no_deviation(figures: ModuleType) -> None:
    scores = {("uniform", 0.0, 0): {"ccp": 0.9}, ("uniform", 0.4, 0): {"ccp": 0.8}, ("ours", 0.4, 0): {"ccp": 0.85}}
    summary = figures.summarise(scores, ("uniform", "ours"), (0.0, 0.4), {"ccp": 1})
    assert summary["gap_sd"] is None and summary["gap_recovered"] == {"0.4": 0.5}


def test_help_explains_the_arms() -> None:
    script = str(BENCHMARKS / "group_weighting.py")
    shown = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True, check=True).stdout
    for word in ("uniform", "drop_bad", "ours", "--quick", "--truth", "--cache"):
        assert word in shown
