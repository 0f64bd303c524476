"""Stage `detect`: person boxes per frame, from several detectors merged by weighted boxes fusion."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import Field

from datasets.clips import Clip
from datasets.images import decode_rgb, reduction_to
from datasets.schema import BoxRow, FrameRow
from stages.base import ClipStage, Config
from stages.detectors.base import Detections, Detector, Floats, intersection_over_union
from stages.detectors.pose_detection import PoseDetectionConfig
from stages.detectors.ssd import SSDConfig

DetectorConfig = Annotated[SSDConfig | PoseDetectionConfig, Field(discriminator="family")]


class DetectConfig(Config):
    """Parameters of `detect`.

    Attributes:
        detectors: by name; `family` says which file of `stages/detectors` runs them.
        iou: overlap from which boxes of different detectors are one person.
        min_score: merged boxes with a lower confidence are left out. A box that one detector alone saw keeps only that
            detector's share of the weights, so a half of the usual thresholds is meant here.
        threads: threads a model may use; one, as each worker has its own core.
    """

    detectors: dict[str, DetectorConfig] = Field(
        default={"ssd": SSDConfig(), "pose_detection": PoseDetectionConfig()}, min_length=1
    )
    iou: float = Field(default=0.5, gt=0, le=1)
    min_score: float = Field(default=0.1, ge=0, le=1)
    threads: int = Field(default=1, ge=1)


class Detect(ClipStage[BoxRow]):
    """Boxes of the people in every frame, whatever the frame's role (a person in a background must be noticed)."""

    name = "detect"
    consumes = (FrameRow,)
    produces = BoxRow
    libraries = ("numpy", "opencv-python-headless", "ai-edge-litert", "ensemble-boxes")
    config: DetectConfig

    def __init__(self, config: DetectConfig, *, root: Path = Path()) -> None:
        super().__init__(config, root=root)
        self._detectors: list[tuple[Detector, float]] = []

    def weights(self) -> Sequence[str]:
        return [detector.file for detector in self.config.detectors.values()]

    def setup(self) -> None:
        self._detectors = [
            (detector.open(self.root, threads=self.config.threads), detector.weight)
            for detector in self.config.detectors.values()
        ]

    def process(self, item: Clip) -> Iterable[BoxRow]:
        if not self._detectors:
            raise RuntimeError("the detectors are not open: call setup() first")
        for frame in item.frames:
            assert frame is not None
            image = decode_rgb(frame.image, reduction=reduction_to(frame.width, frame.height, self._surplus(frame)))
            with self.model_time():
                found = [(detector.detect(image), weight) for detector, weight in self._detectors]
            boxes, scores, support = merge(found, iou=self.config.iou, min_score=self.config.min_score)
            yield BoxRow(
                source=frame.source,
                clip=frame.clip,
                burst=frame.burst,
                time_us=frame.time_us,
                boxes=boxes.tolist(),
                scores=scores.tolist(),
                support=support,
            )

    def _surplus(self, frame: FrameRow) -> float:
        """How many times larger the frame is than the largest input of a detector."""
        return min(frame.width, frame.height) / max(detector.size for detector, _ in self._detectors)

    def teardown(self) -> None:
        self._detectors = []


def merge(
    found: Sequence[tuple[Detections, float]], *, iou: float, min_score: float
) -> tuple[Floats, Floats, list[int]]:
    """One list of people from the detections and weights of several detectors.

    Weighted boxes fusion (Solovyev et al., 2021): a merged box is the mean of its members by score and weight, its
    confidence falls with the weight of the detectors that did not see it.

    Returns:
        `(N, 4)` boxes, `(N,)` confidences 0-1, and how many detectors have a box there; best first.
    """
    from ensemble_boxes import weighted_boxes_fusion

    detections = [one for one, _ in found]
    boxes, scores, _ = weighted_boxes_fusion(
        [one.boxes for one in detections],
        [one.scores for one in detections],
        [np.zeros(len(one.scores)) for one in detections],
        weights=[weight for _, weight in found],
        iou_thr=iou,
    )
    boxes = np.clip(boxes.astype(np.float64), 0, 1)[scores >= min_score]
    support = [sum(bool((intersection_over_union(box, one.boxes) >= iou).any()) for one in detections) for box in boxes]
    return boxes, scores[scores >= min_score].astype(np.float64), support
