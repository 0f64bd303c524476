from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.images import decode_rgb, encode_jpeg
from datasets.schema import BackgroundRow
from qa.background_audit import Sighting, Watch, person_in
from stages.detect import DetectConfig
from stages.detectors.base import Detections
from stages.detectors.pose_detection import PoseDetectionConfig
from stages.detectors.ssd import SSDConfig
from stages.teachers.annotation import AnnotationConfig
from stages.teachers.base import Ballot
from stages.teachers.litert import LiteRTConfig

BOX = [0.25, 0.5, 0.75, 1.0]


class Detector:
    def __init__(self, score: float) -> None:
        self._score = score

    def detect(self, image: np.ndarray) -> Detections:
        seen = self._score > 0
        return Detections(np.array([BOX] if seen else []).reshape(-1, 4), np.array([self._score] if seen else []))


class Teacher:
    """Says `inside` in the box and nothing elsewhere; None abstains."""

    def __init__(self, inside: int | None) -> None:
        self._inside = inside

    def predict(self, image: np.ndarray, boxes: Sequence[Sequence[float]], mask: None = None) -> Ballot:
        grey = np.zeros((40, 40), np.uint8)
        grey[20:, 10:30] = self._inside or 0
        return [] if self._inside is None else [((0.0, 0.0, 1.0, 1.0), grey)]


def _look(score: float, *inside: int | None) -> Sighting:
    teachers = {str(index): Teacher(value) for index, value in enumerate(inside)}
    watch = Watch([(Detector(score), 1.0)], teachers, iou=0.5, faint=0.25)  # type: ignore[arg-type]
    return watch.look(np.zeros((80, 80, 3), np.uint8))


@pytest.mark.parametrize(
    ("score", "inside", "agreeing", "person"),
    [
        (0.6, (0, 0, 0), 0, True),  # a sure box needs nobody
        (0.3, (200, 200, 0), 2, True),  # two of three agree with a faint one
        (0.3, (200, None, 0), 1, False),  # one of three; who abstains sees nobody
        (0.3, (200, 0), 1, False),  # half is not most
        (0.3, (60, 60, 60), 0, False),  # 0.24 is no agreement
        (0.2, (200, 200, 200), 0, False),  # too faint to be asked about
        (0.0, (200, 200, 200), 0, False),
    ],
)
def test_who_is_believed(score: float, inside: tuple[int | None, ...], agreeing: int, person: bool) -> None:
    seen = _look(score, *inside)
    assert (seen.agreeing, seen.asked, seen.person) == (agreeing, len(inside), person)


def test_the_area_is_that_of_the_median_teacher() -> None:
    assert _look(0.3, 200, 200, 0).area == pytest.approx(0.25, abs=0.01)
    assert _look(0.3, 200, 0, 0).area == 0.0


def test_a_chair_that_fills_the_picture_is_no_person() -> None:
    assert not Sighting(0.38, BOX, 6, 6, 0.65).person
    assert Sighting(0.38, BOX, 6, 6, 0.35).person


def _background(picture: np.ndarray) -> BackgroundRow:
    height, width = picture.shape[:2]
    return BackgroundRow(
        source="b", clip=0, burst=0, time_us=0, path="rooms/kitchen.jpg", kind="photo", width=width, height=height,
        image=encode_jpeg(picture), coverage=1.0, split="train", subject="", licences=["CC0-1.0"],
    )  # fmt: skip


def test_a_planted_person_is_found_and_an_empty_room_is_not(asset: Callable[[str], Path]) -> None:
    detect = DetectConfig(
        detectors={
            "ssd": SSDConfig(file=str(asset("objectron_ssd"))),
            "pose_detection": PoseDetectionConfig(file=str(asset("pose_detection"))),
        }
    )
    teachers = {
        "selfie": LiteRTConfig(file=str(asset("selfie")), size=(256, 256)),
        "annotation": AnnotationConfig(),  # has nothing to say about a picture without a mask
    }
    watch = Watch.open(detect, teachers, Path(), faint=0.25)
    room = np.full((360, 640, 3), (150, 160, 170), np.uint8)
    cv2.rectangle(room, (40, 60), (200, 180), (90, 120, 60), -1)
    assert person_in(_background(room), watch) is None
    astronaut = cv2.resize(decode_rgb(asset("astronaut").read_bytes()), (300, 300), interpolation=cv2.INTER_AREA)
    room[60:, 300:600] = astronaut
    finding = person_in(_background(room), watch)
    assert finding is not None
    assert finding.audit == "person"
    assert finding.where == "rooms/kitchen.jpg at 0 us (photo)"
    assert "of 1 teachers" in finding.what
