"""The BlazePose detector: body boxes from alignment circles, free of shift through the letterbox."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from datasets.images import decode_rgb
from stages.detectors.base import intersection_over_union
from stages.detectors.pose_detection import HALF_WIDTH, SIZE, PoseDetectionConfig, body_boxes, letterbox

ASTRONAUT = np.array([0.02, 0.02, 0.74, 1.0])


def test_an_upright_body_fills_its_circle_along_the_axis() -> None:
    box = body_boxes(np.array([[100.0, 200.0]]), np.array([[100.0, 100.0]]))[0]
    assert box == pytest.approx([100 - 100 * HALF_WIDTH, 100, 100 + 100 * HALF_WIDTH, 300])


def test_a_lying_body_has_a_lying_box() -> None:
    box = body_boxes(np.array([[100.0, 200.0]]), np.array([[200.0, 200.0]]))[0]
    assert box == pytest.approx([0, 200 - 100 * HALF_WIDTH, 200, 200 + 100 * HALF_WIDTH])


def test_a_tilted_body_is_bounded_on_every_side() -> None:
    hips, axis = np.array([0.0, 0.0]), np.array([60.0, -80.0])
    across = HALF_WIDTH * np.array([80.0, 60.0])
    corners = np.array([s * axis + t * across for s in (-1, 1) for t in (-1, 1)])
    box = body_boxes(hips[None], axis[None])[0]
    assert box == pytest.approx([*corners.min(axis=0), *corners.max(axis=0)])


def test_letterbox_centres_the_image_in_black() -> None:
    tensor, scale, offset = letterbox(np.full((100, 200, 3), 255, np.uint8))
    assert tensor.shape == (SIZE, SIZE, 3)
    assert scale.tolist() == [1.12, 1.12] and offset.tolist() == [0, 56]
    assert np.all(tensor[56:168] == 1) and np.all(tensor[:56] == -1) and np.all(tensor[168:] == -1)


def test_finds_the_astronaut(asset: Callable[[str], Path]) -> None:
    detector = PoseDetectionConfig(file=str(asset("pose_detection"))).open(Path(), threads=1)
    found = detector.detect(decode_rgb(asset("astronaut").read_bytes()))
    assert found.scores[0] > 0.7 and intersection_over_union(ASTRONAUT, found.boxes)[0] > 0.75


def test_the_letterbox_moves_no_box(asset: Callable[[str], Path]) -> None:
    """A wide picture and the same picture with its letterbox painted by hand have the same boxes in pixels."""
    detector = PoseDetectionConfig(file=str(asset("pose_detection"))).open(Path(), threads=1)
    photo = decode_rgb(asset("astronaut").read_bytes())
    wide = np.concatenate([photo, np.zeros_like(photo)], axis=1)
    square = np.pad(wide, ((256, 256), (0, 0), (0, 0)))
    in_wide, in_square = detector.detect(wide), detector.detect(square)
    assert in_wide.scores == pytest.approx(in_square.scores)
    moved = in_square.boxes[0] * 1024 - [0, 256, 0, 256]
    assert in_wide.boxes[0] * [1024, 512, 1024, 512] == pytest.approx(np.clip(moved, 0, [1024, 512, 1024, 512]))


def test_finds_nobody_in_an_empty_picture(asset: Callable[[str], Path]) -> None:
    detector = PoseDetectionConfig(file=str(asset("pose_detection"))).open(Path(), threads=1)
    assert detector.detect(np.full((90, 160, 3), 128, np.uint8)).boxes.shape == (0, 4)
