"""What can be seen of a vote without truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from stages.teacher_signals import SIGNALS, edge_fit, edge_strength, teacher_signals

SQUARE = np.zeros((60, 80), np.float32)
SQUARE[15:45, 20:60] = 1
SHIFTED = np.roll(SQUARE, 12, axis=1)
PICTURE = np.where(SQUARE[..., None] > 0, np.uint8(200), np.uint8(40)).repeat(3, axis=2)


def column(name: str, votes: list[np.ndarray], boxes: Sequence[tuple[float, ...]] = ()) -> list[float]:
    found = teacher_signals(np.stack(votes).astype(np.float32), edge_strength(PICTURE), boxes)
    return [float(value) for value in found[:, SIGNALS.index(name)]]


def test_a_contour_on_the_pictures_edges_fits_better() -> None:
    edges = edge_strength(PICTURE)
    assert edge_fit(SQUARE, edges) > 0.9
    assert edge_fit(SHIFTED, edges) < 0.7
    assert edge_fit(np.zeros_like(SQUARE), edges) == 0


def test_edge_strength_does_not_depend_on_contrast() -> None:
    faint = (PICTURE.astype(np.float32) / 2 + 60).astype(np.uint8)
    np.testing.assert_allclose(edge_strength(faint), edge_strength(PICTURE), atol=0.05)
    assert edge_strength(np.full_like(PICTURE, 90)).max() == 0


def test_signals_by_hand() -> None:
    """Two halves that share a quarter of the frame, and a teacher that sees nothing."""
    left, middle, nothing = (np.zeros((60, 80), np.float32) for _ in range(3))
    left[:, 0:40], middle[:, 20:60] = 1, 1
    votes = [left, middle, nothing]
    # the mean is one half or more where both agree: columns 20 to 40
    assert column("agreement_with_mean", votes) == pytest.approx([0.5, 0.5, 0])
    assert column("agreement_with_others", votes) == pytest.approx([1 / 6, 1 / 6, 0])
    assert column("agreement_with_nearest", votes) == pytest.approx([1 / 3, 1 / 3, 0])
    mass = 60 * 40
    assert column("relative_area", votes) == pytest.approx([np.log(1.5), np.log(1.5), np.log(3 / (2 * mass))])
    assert column("inside_boxes", votes, [(0.0, 0.0, 0.25, 1.0)]) == pytest.approx([0.5, 0, 0])
    assert column("sureness", [left, np.full_like(left, 0.5), np.full_like(left, 0.75)]) == pytest.approx([1, 0, 0.5])


def test_a_single_teacher_agrees_with_everybody() -> None:
    assert column("agreement_with_others", [SQUARE]) == [1] == column("agreement_with_nearest", [SQUARE])


def test_the_order_of_teachers_changes_only_the_order_of_rows() -> None:
    votes, boxes = [SQUARE, SHIFTED, SQUARE * 0.6], [(0.1, 0.2, 0.6, 0.9)]
    for name in SIGNALS:
        assert column(name, votes[::-1], boxes) == pytest.approx(column(name, votes, boxes)[::-1], abs=1e-6)


def test_a_mirrored_frame_has_the_same_signals() -> None:
    stack = np.stack([SQUARE, SHIFTED, SQUARE * 0.6])
    forth = teacher_signals(stack, edge_strength(PICTURE), [(0.1, 0.2, 0.6, 0.9)])
    mirrored = np.ascontiguousarray(stack[:, :, ::-1])
    back = teacher_signals(mirrored, edge_strength(np.ascontiguousarray(PICTURE[:, ::-1])), [(0.4, 0.2, 0.9, 0.9)])
    np.testing.assert_allclose(forth, back, atol=1e-3)
