"""Two detectors become one list of people."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from datasets.clips import Clip
from datasets.images import Image, decode_rgb, encode_jpeg, encode_png
from datasets.schema import BoxRow, FrameRow
from stages.detect import Detect, DetectConfig, merge
from stages.detectors.base import Detections
from stages.detectors.pose_detection import PoseDetectionConfig
from stages.detectors.ssd import SSDConfig


def _found(*boxes: tuple[float, float, float, float], scores: list[float]) -> Detections:
    return Detections(np.array(boxes, float).reshape(-1, 4), np.array(scores))


def test_agreeing_boxes_are_averaged_by_weight_and_score() -> None:
    first, second = _found((0.1, 0.1, 0.5, 0.9), scores=[0.6]), _found((0.1, 0.1, 0.5, 1.0), scores=[0.9])
    boxes, scores, support = merge([(first, 2.0), (second, 1.0)], iou=0.5, min_score=0)
    assert boxes[0] == pytest.approx([0.1, 0.1, 0.5, (1.2 * 0.9 + 0.9 * 1.0) / 2.1])
    assert scores.tolist() == pytest.approx([(2 * 0.6 + 0.9) / 3])
    assert support == [2]


def test_a_box_that_one_detector_saw_keeps_its_share_of_the_confidence() -> None:
    first, second = _found((0, 0, 0.3, 0.3), scores=[0.6]), _found((0.6, 0.6, 1, 1), scores=[0.9])
    boxes, scores, support = merge([(first, 2.0), (second, 1.0)], iou=0.5, min_score=0)
    assert boxes == pytest.approx(np.array([[0, 0, 0.3, 0.3], [0.6, 0.6, 1, 1]]), abs=1e-6)
    assert scores.tolist() == pytest.approx([0.4, 0.3]) and support == [1, 1]
    assert len(merge([(first, 2.0), (second, 1.0)], iou=0.5, min_score=0.35)[0]) == 1


def test_nobody_is_an_empty_list() -> None:
    boxes, scores, support = merge([(_found(scores=[]), 2.0), (_found(scores=[]), 1.0)], iou=0.5, min_score=0)
    assert boxes.shape == (0, 4) and scores.shape == (0,) and support == []


def test_merged_boxes_stay_in_the_frame() -> None:
    whole = _found((0, 0, 1, 1), scores=[0.7])
    boxes, _, _ = merge([(whole, 2.0), (_found((0, 0, 1, 1), scores=[0.93]), 1.0)], iou=0.5, min_score=0)
    assert boxes.min() >= 0 and boxes.max() <= 1


def test_stage_boxes_every_frame_of_a_burst(asset: Callable[[str], Path], frame: Callable[..., FrameRow]) -> None:
    config = DetectConfig(
        detectors={
            "ssd": SSDConfig(file=str(asset("objectron_ssd"))),
            "pose_detection": PoseDetectionConfig(file=str(asset("pose_detection"))),
        }
    )
    photo = decode_rgb(asset("astronaut").read_bytes())[::2, ::2]
    empty = np.full((64, 64, 3), 90, np.uint8)
    clip = Clip((frame(image=encode_png(photo)), frame(image=encode_png(empty), time_us=40_000, role="background")))
    stage = Detect(config)
    assert list(stage.weights()) == [str(asset("objectron_ssd")), str(asset("pose_detection"))]
    stage.setup()
    person, nobody = stage.process(clip)
    stage.teardown()
    assert isinstance(person, BoxRow) and person.frame_key == clip.rows[0].frame_key
    assert person.support[0] == 2 and person.scores[0] > 0.5
    assert person.scores == sorted(person.scores, reverse=True)
    x0, y0, x1, y1 = person.boxes[0]
    assert x0 < 0.1 and y0 < 0.1 and 0.65 < x1 < 0.85 and y1 > 0.95
    assert nobody.time_us == 40_000 and nobody.boxes == [] and nobody.support == []
    assert stage.model_seconds > 0


def test_a_burst_before_setup_is_an_error(frame: Callable[..., FrameRow]) -> None:
    with pytest.raises(RuntimeError, match="setup"):
        list(Detect(DetectConfig()).process(Clip((frame(),))))


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(ValidationError, match=r"detectors\.x\.ssd\.treshold"):
        DetectConfig.model_validate({"detectors": {"x": {"family": "ssd", "treshold": 0.2}}})


def test_at_least_one_detector() -> None:
    with pytest.raises(ValidationError, match="detectors"):
        DetectConfig(detectors={})


class Sized:
    """Sees nobody, and remembers what it was shown."""

    def __init__(self, size: int) -> None:
        self.size, self.shown = size, (0, 0)

    def detect(self, image: Image) -> Detections:
        self.shown = image.shape[:2]
        return Detections(np.zeros((0, 4)), np.zeros(0))


def test_frames_are_decoded_no_smaller_than_the_largest_detector_needs(frame: Callable[..., FrameRow]) -> None:
    row = frame(width=128, height=72, image=encode_jpeg(np.zeros((72, 128, 3), np.uint8)))
    for sizes, shown in (((36, 20), (36, 64)), ((18, 9), (18, 32)), ((37, 8), (72, 128))):
        stage = Detect(DetectConfig())
        detectors = [Sized(size) for size in sizes]
        stage._detectors = [(detector, 1.0) for detector in detectors]
        list(stage.process(Clip((row,))))
        assert [detector.shown for detector in detectors] == [shown, shown]
