"""Is a person in a background? Detectors and teachers vote on it.

A student that is shown a person who is labelled background learns to miss people. `plate` believes its one look at the
boxes of `detect`; here every background is looked at once more, as it came out, by everyone who has something to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from datasets.images import Image, decode_rgb
from datasets.schema import BackgroundRow
from qa.clip_audit import Finding
from stages.detect import DetectConfig, merge
from stages.detectors.base import Detector
from stages.paste import Window, paste_maps
from stages.teachers.base import Teacher, TeacherConfig

SILENT = ("keyer", "annotation")
"""Runtimes of teachers that look for no people."""
SURE = 0.4
"""Score of a merged box that needs no second opinion."""
SIDE = 256
"""Longest side in pixels at which the teachers' maps are compared."""
INSIDE = 0.3
"""Mean probability within a faint box from which a teacher takes its side."""
DROWNED = 0.6
"""Share of the picture from which the teachers call a leather armchair a person as well: a real one gets a sure box."""


@dataclass(frozen=True)
class Sighting:
    """What was said of one background.

    Attributes:
        score: of the best box, 0-1. box: where, as fractions of the picture; empty without any box.
        agreeing, asked: teachers that see a person in that box, and all that were asked.
        area: share of the picture that the median teacher calls person, 0-1.
    """

    score: float
    box: Window
    agreeing: int
    asked: int
    area: float

    @property
    def person(self) -> bool:
        """A sure box, or a faint one that most of the teachers agree with."""
        backed = bool(self.box) and 2 * self.agreeing > self.asked
        return self.score >= SURE or (backed and self.area < DROWNED)


class Watch:
    """The detectors and teachers of a project, with their weights open."""

    def __init__(
        self, detectors: Sequence[tuple[Detector, float]], teachers: Mapping[str, Teacher], *, iou: float, faint: float
    ) -> None:
        self._detectors, self._teachers = detectors, teachers
        self._iou, self._faint = iou, faint

    @staticmethod
    def open(detect: DetectConfig, teachers: Mapping[str, TeacherConfig], root: Path, *, faint: float) -> Watch:
        """Open all detectors and all enabled teachers that look for people.

        Args:
            teachers: by name, as in `params.yaml`.
            faint: boxes of a lower score are not shown to the teachers.

        Raises:
            FileNotFoundError: a weight file is missing.
        """
        detectors = [(d.open(root, threads=detect.threads), d.weight) for d in detect.detectors.values()]
        opened = {
            name: teacher.open(root)
            for name, teacher in teachers.items()
            if teacher.enabled and getattr(teacher, "runtime", "") not in SILENT
        }
        return Watch(detectors, opened, iou=detect.iou, faint=faint)

    def look(self, image: Image) -> Sighting:
        """Everyone's opinion of an `(H, W, 3)` uint8 RGB picture."""
        found = [(detector.detect(image), weight) for detector, weight in self._detectors]
        boxes, scores, _ = merge(found, iou=self._iou, min_score=self._faint)
        maps = [self._probability(teacher, image, boxes.tolist()) for teacher in self._teachers.values()]
        box = boxes[0].tolist() if len(boxes) else []
        inside = [_mean_inside(seen, box) for seen in maps] if box else []
        area = float(np.mean(np.median(maps, axis=0) >= 0.5)) if maps else 0.0
        score = float(scores[0]) if len(scores) else 0.0
        return Sighting(score, box, sum(value >= INSIDE for value in inside), len(maps), area)

    @staticmethod
    def _probability(teacher: Teacher, image: Image, boxes: Sequence[Window]) -> NDArray[np.float32]:
        """`(h, w)` 0-1 at `SIDE`; a teacher that abstains sees nobody."""
        scale = SIDE / max(image.shape[:2])
        height, width = (max(1, round(side * scale)) for side in image.shape[:2])
        pasted = paste_maps(teacher.predict(image, boxes), width, height)
        if pasted is None:
            return np.zeros((height, width), np.float32)
        return np.asarray(pasted, dtype=np.float32) / np.float32(255)


def person_in(row: BackgroundRow, watch: Watch) -> Finding | None:
    """A finding where a background shows a person."""
    seen = watch.look(decode_rgb(row.image))
    if not seen.person:
        return None
    place = f"box {[round(float(edge), 2) for edge in seen.box]} of score {seen.score:.2f}" if seen.box else "no box"
    return Finding(
        "person",
        f"{row.path} at {row.time_us} us ({row.kind})",
        f"a person: {place}, {seen.agreeing} of {seen.asked} teachers agree, {seen.area:.0%} of the picture; "
        "take the file out of data/raw, or its `role: background` out of its sidecar",
    )


def _mean_inside(seen: NDArray[np.float32], box: Window) -> float:
    height, width = seen.shape
    rows = slice(int(box[1] * height), max(int(box[1] * height) + 1, int(np.ceil(box[3] * height))))
    columns = slice(int(box[0] * width), max(int(box[0] * width) + 1, int(np.ceil(box[2] * width))))
    return float(seen[rows, columns].mean())
