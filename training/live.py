"""The student on a live picture: one frame in, one alpha out, and no more work than the frame needs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.images import Grey, Image
from stages.cuts import CutDetector
from stages.guided_filter import upsample_alpha
from training.letterbox import inside, letterbox
from training.live_config import LiveConfig
from training.runtime import Student, enlarge

__all__ = ["Live", "LiveConfig", "band_change", "edge_band"]

Band = NDArray[np.bool_]
PATCH = 5
"""Side of the patches, in pixels of the student, whose mean change is looked at: noise averages out, edges do not."""


class Live:
    """Call it with the frames of one stream in order. Holds the last alpha and the last frame that was looked at.

    Attributes:
        frames, inferred, cuts: how many frames came, how many of them the student looked at, how many began a shot.

    Raises:
        FileNotFoundError, ValueError: as `training.runtime.Student`.
    """

    def __init__(self, path: Path, config: LiveConfig | None = None) -> None:
        self.config = config or LiveConfig()
        self.student = Student(path, threads=self.config.threads)
        self.frames = self.inferred = self.cuts = 0
        self._shape: tuple[int, int] | None = None
        self._alpha: Grey | None = None
        self._small_alpha: NDArray[np.float32] = np.zeros(self.student.size, np.float32)
        self._seen: Image | None = None
        self._band: Band | None = None
        self.reset()

    def reset(self) -> None:
        """Forget the stream: the next frame is the first of another. The counts go on."""
        self.student.reset()
        self._detector = CutDetector(self.config.cut_threshold)
        self._shape = None
        self._forget()

    def __call__(self, image: Image) -> Grey:
        """Alpha `(H, W)` uint8 (255 = person) of the next frame `(H, W, 3)` uint8 RGB; not to be written to.

        A frame that begins a shot, or is of another size than the last, is looked at with an empty prior.
        """
        small = letterbox(image, self.student.size)
        size = (image.shape[0], image.shape[1])
        # Black bars are left out: they never change, and would water a cut down.
        cut = self._detector.starts_shot(inside(small, size))
        if cut or size != self._shape:
            self.cuts += 1
            self.student.reset()
            self._forget()
        self._shape = size
        self.frames += 1
        self._since += 1
        if self._alpha is None or self._must_look(small):
            self._alpha = self._look(image, small)
        return self._alpha

    def _forget(self) -> None:
        self._alpha = self._seen = self._band = None
        self._small_alpha = np.zeros(self.student.size, np.float32)
        self._settled = False
        self._since = 0

    def _must_look(self, small: Image) -> bool:
        if not self.config.skip or not self._settled or self._since >= self.config.refresh:
            return True
        # Without an edge there is nothing to watch: somebody may walk in anywhere.
        if self._seen is None or self._band is None or not self._band.any():
            return True
        return band_change(small, self._seen, self._band) >= self.config.change

    def _look(self, image: Image, small: Image) -> Grey:
        alpha = self.student.infer(small)
        self.inferred += 1
        self._since = 0
        if self.config.skip:
            self._settled = bool(np.abs(alpha - self._small_alpha).max() <= self.config.settled)
            self._small_alpha, self._seen, self._band = alpha, small, edge_band(alpha, self.config.band)
        full = self._enlarge(alpha, image)
        full.flags.writeable = False
        return full

    def _enlarge(self, alpha: NDArray[np.float32], image: Image) -> Grey:
        size = (image.shape[0], image.shape[1])
        if self.config.upsample == "linear":
            return enlarge(alpha, size)
        part = np.rint(np.clip(inside(alpha, size), 0, 1) * 255).astype(np.uint8)
        return upsample_alpha(part, image, radius=self.config.guided_radius, epsilon=self.config.guided_epsilon)


def edge_band(alpha: NDArray[np.float32], radius: int) -> Band:
    """`(h, w)` bool: the disk dilation of `alpha >= 0.5` without its erosion; the picture's sides are no edge."""
    mask = (alpha >= 0.5).astype(np.uint8)
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    disk = (x**2 + y**2 <= radius**2).astype(np.uint8)
    return np.asarray(cv2.dilate(mask, disk) != cv2.erode(mask, disk))


def band_change(now: Image, seen: Image, band: Band) -> float:
    """Largest mean luma change (0-255) of a 5 × 5 patch centred on the band; 0 without a band.

    Args:
        now, seen: `(h, w, 3)` uint8 RGB, a frame and the one that was last looked at. band: `(h, w)` bool.

    Source: Alibaba's skip rule (compare with the last inferred frame on the dilate-erode band); patches are ours.
    """
    if not band.any():
        return 0.0
    change = cv2.cvtColor(cv2.absdiff(now, seen), cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(cv2.blur(change, (PATCH, PATCH))[band].max())
