"""Damage as annotators and old models do it has the share, the types and the severity that were asked for."""

from __future__ import annotations

from collections import Counter

import cv2
import numpy as np
import pytest

from qa.annotators import annotate, coarse_polygon
from qa.damage import TYPES
from qa.metrics import iou


def person(x: int, height: int = 120, width: int = 160) -> np.ndarray:
    canvas = np.zeros((height, width), np.uint8)
    cv2.ellipse(canvas, (x, 80), (18, 34), 0, 0, 360, 1, -1)
    cv2.circle(canvas, (x, 36), 11, 1, -1)
    cv2.line(canvas, (x, 60), (x + 38, 40), 1, 7)
    return canvas > 0


def people(count: int, frames: int) -> list[list[np.ndarray]]:
    return [[person(60 + i + 2 * j) for j in range(frames)] for i in range(count)]


@pytest.mark.parametrize(("count", "frames", "share"), [(80, 1, 0.3), (12, 8, 0.5), (12, 8, 0.1)])
def test_share_types_and_ious_are_as_promised(count: int, frames: int, share: float) -> None:
    bursts = people(count, frames)
    found = annotate(bursts, share, np.random.default_rng(0))
    pairs = [pair for one, masks in zip(found, bursts, strict=True) for pair in zip(one, masks, strict=True)]
    damaged = [(one, truth) for one, truth in pairs if one.kind]
    assert len(damaged) == round(share * count * frames)
    counts = Counter(one.kind for one, _ in damaged)
    assert set(counts) == set(TYPES) and max(counts.values()) - min(counts.values()) <= 2
    ious = [iou(one.mask, truth) for one, truth in damaged]
    assert min(ious) >= 0.5 and max(ious) <= 0.94
    assert np.mean(np.asarray(ious) > 0.8) >= 1 / 3
    assert all((one.mask == truth).all() for one, truth in pairs if not one.kind)


def test_whole_clips_and_single_frames_are_among_them() -> None:
    found = annotate(people(12, 8), 0.5, np.random.default_rng(1))
    kinds = [[one.kind for one in burst] for burst in found]
    assert any(all(burst) and len(set(burst)) == 1 for burst in kinds)
    assert any(0 < sum(map(bool, burst)) < 4 for burst in kinds)


def test_the_same_seed_gives_the_same_damage() -> None:
    runs = [annotate(people(10, 1), 0.5, np.random.default_rng(seed)) for seed in (4, 4, 5)]
    first, again, other = ([one.mask for burst in run for one in burst] for run in runs)
    assert all((a == b).all() for a, b in zip(first, again, strict=True))
    assert any((a != b).any() for a, b in zip(first, other, strict=True))


def test_no_share_is_no_damage() -> None:
    found = annotate(people(2, 2), 0.0, np.random.default_rng(0))
    assert [[one.kind for one in burst] for burst in found] == [["", ""], ["", ""]]


@pytest.mark.parametrize(("low", "high"), [(0.5, 0.7), (0.7, 0.85), (0.85, 0.94)])
def test_coarse_polygons_have_few_corners(low: float, high: float) -> None:
    mask = person(60).astype(np.uint8) * 255
    drawn = coarse_polygon(mask, low, high)
    assert low <= iou(drawn, mask) <= high
    contours, _ = cv2.findContours(drawn, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    assert sum(len(cv2.approxPolyDP(contour, 1.5, closed=True)) for contour in contours) < 20


def test_a_square_is_a_polygon_already() -> None:
    square = np.zeros((60, 60), np.uint8)
    square[10:50, 10:50] = 255
    with pytest.raises(ValueError, match="polygon"):
        coarse_polygon(square, 0.8, 0.94)


@pytest.mark.parametrize("dot", [True, False])
def test_nobody_to_damage_is_said(dot: bool) -> None:
    tiny = np.zeros((40, 40), np.bool_)
    tiny[20, 20] = dot
    with pytest.raises(ValueError, match="smaller share"):
        annotate([[tiny], [tiny]], 0.5, np.random.default_rng(0))
