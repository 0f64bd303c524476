"""SSD-MobileNetV2 trained on Open Images, as MediaPipe Objectron ships it; only its class Person is read."""

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

SIZE = 300
CELLS = (19, 10, 5, 3, 2, 1)
PERSON = 4
"""Index of Person in the label map that comes with the model (0 is the background class)."""


class SSDConfig(Config):
    """Parameters of the Objectron SSD.

    Attributes:
        file: the model, relative to the project's root.
        weight: its share when boxes are merged. Its boxes are tight, its scores low (about .3 to .6 on people).
        threshold: raw boxes with a lower score are left out.
        iou: overlap from which two raw boxes are one person.
    """

    family: Literal["ssd"] = "ssd"
    file: str = "models/objectron_ssd.tflite"
    weight: float = Field(default=2.0, gt=0)
    threshold: float = Field(default=0.2, ge=0, le=1)
    iou: float = Field(default=0.5, gt=0, le=1)

    def open(self, root: Path, *, threads: int) -> SSDDetector:
        """The detector with its weights open; errors as of `LiteRTModel`."""
        return SSDDetector(LiteRTModel(root / self.file, threads=threads), self)


class SSDDetector:
    """Persons of the Objectron SSD."""

    size = SIZE

    def __init__(self, model: LiteRTModel, config: SSDConfig) -> None:
        self._model, self._config = model, config
        self._anchors = ssd_anchors()

    def detect(self, image: Image) -> Detections:
        """People in an `(H, W, 3)` uint8 RGB image, which is stretched to 300 x 300."""
        reduction = cv2.INTER_AREA if min(image.shape[:2]) > SIZE else cv2.INTER_LINEAR
        resized = cv2.resize(image, (SIZE, SIZE), interpolation=reduction)
        encodings, classes = self._model((resized.astype(np.float32) / 127.5 - 1)[None])
        scores = sigmoid(classes[0, :, PERSON])
        found = scores >= self._config.threshold
        boxes = decode(encodings[0, found], self._anchors[found])
        return clipped(*blend_overlaps(boxes, scores[found], values=boxes, iou=self._config.iou))


def ssd_anchors() -> Floats:
    """The 1917 anchors `[cx, cy, w, h]` (Liu et al., SSD, 2016, section 2.2; three shapes on the lowest map, else six).

    Scales rise linearly from .2 to .95 over six maps; the extra square has the geometric mean of a scale and the next.
    """
    scales = [*np.linspace(0.2, 0.95, len(CELLS)), 1.0]
    maps = []
    for index, cells in enumerate(CELLS):
        scale = scales[index]
        if index == 0:
            sized = [(0.1, 1.0), (scale, 2.0), (scale, 0.5)]
        else:
            sized = [(scale, ratio) for ratio in (1.0, 2.0, 0.5, 3.0, 0.3333)]
            sized.append((float(np.sqrt(scale * scales[index + 1])), 1.0))
        maps.append(grid_anchors(cells, [(s * float(np.sqrt(r)), s / float(np.sqrt(r))) for s, r in sized]))
    return np.concatenate(maps)


def decode(encodings: NDArray[np.float32], anchors: Floats) -> Floats:
    """Boxes `(N, 4)` `[x0, y0, x1, y1]` from encodings `(N, 4)` `[y, x, h, w]` and anchors (box code 10, 10, 5, 5)."""
    y, x, h, w = encodings.astype(np.float64).T
    cx, cy = anchors[:, 0] + x / 10 * anchors[:, 2], anchors[:, 1] + y / 10 * anchors[:, 3]
    half_w, half_h = anchors[:, 2] * np.exp(w / 5) / 2, anchors[:, 3] * np.exp(h / 5) / 2
    return np.stack([cx - half_w, cy - half_h, cx + half_w, cy + half_h], axis=1)
