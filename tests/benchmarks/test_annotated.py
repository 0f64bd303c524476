"""The damage that `benchmarks/cleaning.py` measures on."""

from __future__ import annotations

import importlib
from collections import Counter
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from datasets.clips import Clip
from qa.metrics import iou

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def annotated(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("annotated")


def person(x: int, height: int = 120, width: int = 160) -> np.ndarray:
    canvas = np.zeros((height, width), np.uint8)
    cv2.ellipse(canvas, (x, 80), (18, 34), 0, 0, 360, 1, -1)
    cv2.circle(canvas, (x, 36), 11, 1, -1)
    cv2.line(canvas, (x, 60), (x + 38, 40), 1, 7)
    return canvas > 0


def bursts(annotated: ModuleType, count: int, frames: int) -> list:
    return [
        annotated.Labelled("set", f"set/{i}", Clip(()), tuple(person(60 + i + 2 * j) for j in range(frames)))
        for i in range(count)
    ]


@pytest.mark.parametrize(("count", "frames", "share"), [(80, 1, 0.3), (12, 8, 0.5), (12, 8, 0.1)])
def test_share_types_and_ious_are_as_promised(annotated: ModuleType, count: int, frames: int, share: float) -> None:
    found = annotated.annotate(bursts(annotated, count, frames), share, np.random.default_rng(0))
    kinds = [kind for one in found for kind in one.kinds]
    damaged = [kind for kind in kinds if kind]
    assert len(damaged) == round(share * len(kinds))
    counts = Counter(damaged)
    assert set(counts) == set(annotated.TYPES) and max(counts.values()) - min(counts.values()) <= 2
    ious = []
    for one in found:
        for kind, mask, truth in zip(one.kinds, one.masks, one.labelled.truths, strict=True):
            if kind:
                ious.append(iou(mask, truth))
            else:
                assert (mask == truth).all()
    assert min(ious) >= 0.5 and max(ious) <= 0.94
    assert np.mean(np.asarray(ious) > 0.8) >= 1 / 3


def test_whole_clips_are_among_them(annotated: ModuleType) -> None:
    found = annotated.annotate(bursts(annotated, 12, 8), 0.5, np.random.default_rng(1))
    whole = [one for one in found if all(one.kinds)]
    assert any(len(set(one.kinds)) == 1 for one in whole)
    assert any(sum(bool(kind) for kind in one.kinds) == 1 for one in found) or any(not all(one.kinds) for one in found)


def test_the_same_seed_gives_the_same_damage(annotated: ModuleType) -> None:
    runs = [annotated.annotate(bursts(annotated, 10, 1), 0.5, np.random.default_rng(seed)) for seed in (4, 4, 5)]
    first, again, other = ([mask for one in run for mask in one.masks] for run in runs)
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert any((a != b).any() for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize(("low", "high"), [(0.5, 0.7), (0.7, 0.85), (0.85, 0.94)])
def test_coarse_polygons_have_few_corners(annotated: ModuleType, low: float, high: float) -> None:
    mask = person(60).astype(np.uint8) * 255
    drawn = annotated.coarse_polygon(mask, low, high)
    assert low <= iou(drawn, mask) <= high
    contours, _ = cv2.findContours(drawn, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    assert sum(len(cv2.approxPolyDP(contour, 1.5, closed=True)) for contour in contours) < 20


def test_a_square_is_a_polygon_already(annotated: ModuleType) -> None:
    square = np.zeros((60, 60), np.uint8)
    square[10:50, 10:50] = 255
    with pytest.raises(ValueError, match="polygon"):
        annotated.coarse_polygon(square, 0.8, 0.94)


def test_nobody_to_damage_is_said(annotated: ModuleType) -> None:
    tiny = np.zeros((40, 40), np.bool_)
    tiny[20, 20] = True
    burst = annotated.Labelled("set", "set/0", Clip(()), (tiny,))
    with pytest.raises(ValueError, match="smaller share"):
        annotated.annotate([burst, burst], 0.5, np.random.default_rng(0))
