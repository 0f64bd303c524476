"""Anchors, overlap and the merging of overlaps, by hand."""

import numpy as np
import pytest

from stages.detectors.base import blend_overlaps, clipped, grid_anchors, intersection_over_union, sigmoid


def test_anchors_run_row_by_row_and_shape_by_shape() -> None:
    anchors = grid_anchors(2, [(0.1, 0.2), (0.3, 0.4)])
    assert anchors[:3].tolist() == [[0.25, 0.25, 0.1, 0.2], [0.25, 0.25, 0.3, 0.4], [0.75, 0.25, 0.1, 0.2]]
    assert anchors[-1].tolist() == [0.75, 0.75, 0.3, 0.4]


def test_iou_by_hand() -> None:
    boxes = np.array([[0, 0, 2, 2], [1, 1, 3, 3], [2, 0, 4, 2], [1, 1, 1, 1]], float)
    assert intersection_over_union(boxes[0], boxes).tolist() == pytest.approx([1, 1 / 7, 0, 0])
    assert intersection_over_union(boxes[3], boxes).tolist() == [0, 0, 0, 0]


def test_overlaps_are_averaged_by_score_and_others_stay() -> None:
    boxes = np.array([[0, 0, 10, 10], [20, 0, 30, 10], [0, 0, 10, 8]], float)
    values, scores = blend_overlaps(boxes, np.array([0.6, 0.7, 0.2]), values=boxes, iou=0.5)
    assert scores.tolist() == [0.7, 0.6]
    assert values == pytest.approx(np.array([[20, 0, 30, 10], [0, 0, 10, (0.6 * 10 + 0.2 * 8) / 0.8]]))


def test_nothing_found_stays_nothing() -> None:
    values, scores = blend_overlaps(np.zeros((0, 4)), np.zeros(0), values=np.zeros((0, 6)), iou=0.5)
    assert values.shape == (0, 6) and scores.shape == (0,)


def test_boxes_outside_the_frame_are_left_out() -> None:
    boxes = np.array([[-0.5, -0.5, 0.5, 0.5], [1.1, 0, 1.4, 1]])
    found = clipped(boxes, np.array([0.9, 0.8]))
    assert found.boxes.tolist() == [[0, 0, 0.5, 0.5]] and found.scores.tolist() == [0.9]


def test_sigmoid_survives_huge_logits() -> None:
    assert sigmoid(np.array([-1e9, 0, 1e9], np.float32)).tolist() == pytest.approx([0, 0.5, 1])
