"""MediaPipe's BlazePose detector: hip centre and a circle round the whole body, from which a person box is derived."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from datasets.images import Image
from stages.base import Config
from stages.detectors.base import Detections, Floats, blend_overlaps, clipped, grid_anchors, sigmoid
from stages.litert_model import LiteRTModel

SIZE = 224
MAPS = ((28, 2), (14, 2), (7, 6))
"""Cells and anchors per cell: strides 8, 16 and three times 32, two anchors for each stride."""
SAME_FACE = 0.3
"""IoU of face boxes from which two raw detections are one person (MediaPipe's `min_suppression_threshold`)."""
HALF_WIDTH = 0.3
"""Half width of a body as a fraction of the circle's radius: it fits standing, walking and seated people best."""


class PoseDetectionConfig(Config):
    """Parameters of the BlazePose detector.

    Attributes:
        file: the model, relative to the project's root.
        weight: its share when boxes are merged. It rarely misses a person, but its boxes are rough.
        threshold: detections with a lower score are left out.
    """

    family: Literal["pose_detection"] = "pose_detection"
    file: str = "models/pose_detection.tflite"
    weight: float = Field(default=1.0, gt=0)
    threshold: float = Field(default=0.3, ge=0, le=1)

    def open(self, root: Path, *, threads: int) -> PoseDetector:
        """The detector with its weights open; errors as of `LiteRTModel`."""
        return PoseDetector(LiteRTModel(root / self.file, threads=threads), self)


class PoseDetector:
    """People from `pose_detection.tflite`."""

    size = SIZE

    def __init__(self, model: LiteRTModel, config: PoseDetectionConfig) -> None:
        self._model, self._config = model, config
        self._anchors = np.concatenate([grid_anchors(cells, [(1.0, 1.0)] * count) for cells, count in MAPS])

    def detect(self, image: Image) -> Detections:
        """People in an `(H, W, 3)` uint8 RGB image, which is letterboxed to 224 x 224; boxes hold the visible body."""
        height, width = image.shape[:2]
        tensor, scale, offset = letterbox(image)
        coordinates, logits = self._model(tensor[None])
        scores = sigmoid(logits[0, :, 0])
        found = scores >= self._config.threshold
        points = coordinates[0, found].astype(np.float64).reshape(-1, 6, 2) / SIZE
        centre, size = self._anchors[found, :2] + points[:, 0], points[:, 1]
        faces = np.concatenate([centre - size / 2, centre + size / 2], axis=1)
        circles = (self._anchors[found, None, :2] + points[:, 2:4]).reshape(-1, 4) * SIZE
        circles, kept = blend_overlaps(faces, scores[found], values=circles, iou=SAME_FACE)
        in_pixels = (circles.reshape(-1, 2, 2) - offset) / scale
        return clipped(body_boxes(in_pixels[:, 0], in_pixels[:, 1]) / [width, height, width, height], kept)


def letterbox(image: Image) -> tuple[NDArray[np.float32], Floats, Floats]:
    """The image inside a black SIZE x SIZE square, -1 to 1, and the `(x, y)` scale and offset that brought it there."""
    height, width = image.shape[:2]
    shrink = SIZE / max(height, width)
    columns, rows = max(1, round(width * shrink)), max(1, round(height * shrink))
    left, top = (SIZE - columns) // 2, (SIZE - rows) // 2
    interpolation = cv2.INTER_AREA if shrink < 1 else cv2.INTER_LINEAR
    square = np.zeros((SIZE, SIZE, 3), np.uint8)
    square[top : top + rows, left : left + columns] = cv2.resize(image, (columns, rows), interpolation=interpolation)
    return (
        square.astype(np.float32) / 127.5 - 1,
        np.array([columns / width, rows / height]),
        np.array([left, top], float),
    )


def body_boxes(hips: Floats, rims: Floats) -> Floats:
    """Upright boxes `(N, 4)` round bodies from their hip centres and their circles' head ends, both `(N, 2)` in pixels.

    The model's circle round the hips encloses a whole standing body, arms spread (Bazarevsky et al., BlazePose, 2020,
    section 2.2); its rim point gives the body's axis. A body fills the circle along the axis and `HALF_WIDTH` of it
    across, and the box bounds that rotated rectangle.
    """
    axis = rims - hips
    reach = np.abs(axis) + HALF_WIDTH * np.abs(axis[:, ::-1])
    return np.concatenate([hips - reach, hips + reach], axis=1)
