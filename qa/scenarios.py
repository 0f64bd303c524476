"""Scenario groups: what makes a frame hard, so that figures can be told apart and no group is forgotten in training."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from qa.metrics import within
from qa.signals import SURE_BOX
from qa.view import View

SCENARIOS = (
    "several_people",
    "no_person",
    "small_person",
    "border_cut",
    "dark",
    "backlit",
    "low_contrast",
    "blurred",
    "fast_motion",
    "motion_blur",
)
SMALL_AREA = 0.05
"""Share of the frame below which a person is small."""
BORDER_CONTACT = 0.02
"""Share of the left, top or right side from which a person is cut by it. (Most portraits are cut by the bottom.)"""
DARK_LUMA = 60.0
"""Mean luma (0-255) below which a frame is dark."""
BACKLIT_LUMA = 50.0
"""By how much darker than the background the person is when backlit."""
LOW_CONTRAST = 20.0
"""RGB distance of the mean colours just inside and just outside the outline below which the two hardly differ."""
BLURRED = 60.0
"""Variance of the Laplacian below which the frame is blurred."""
FAST_MOTION = 0.015
"""Mean motion of the person per frame, as a fraction of the diagonal, from which it is fast."""
SMEARED = 60.0
"""Variance of the Laplacian on the person, at working size, below which a moving person is smeared."""


def scenarios_of(view: View, signals: Mapping[str, float], *, blur: float) -> list[str]:
    """Names of the scenario groups a frame belongs to, in the order of `SCENARIOS`. `blur` is `FrameRow.blur`."""
    mask = view.label.mask
    luma = np.asarray(cv2.cvtColor(view.image, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    both = bool(mask.any() and not mask.all())
    sides = (signals[f"contact_{side}"] for side in ("left", "top", "right"))
    member = {
        "several_people": sum(score >= SURE_BOX for score in view.scores) > 1,
        "no_person": not mask.any(),
        "small_person": 0 < signals["area"] < SMALL_AREA,
        "border_cut": max(sides) >= BORDER_CONTACT,
        "dark": float(np.mean(luma)) < DARK_LUMA,
        "backlit": both and float(np.mean(luma[~mask]) - np.mean(luma[mask])) > BACKLIT_LUMA,
        "low_contrast": both and _outline_contrast(view) < LOW_CONTRAST,
        "blurred": blur < BLURRED,
        "fast_motion": signals.get("motion", 0.0) >= FAST_MOTION,
        "motion_blur": both and signals.get("motion", 0.0) >= FAST_MOTION / 2 and _sharpness(luma, view) < SMEARED,
    }
    return [name for name in SCENARIOS if member[name]]


def _outline_contrast(view: View) -> float:
    """RGB distance between the mean colours on the two sides of the outline, the mixed pixels on it left out."""
    near = view.label.band & ~within(view.label.edge, view.label.radius // 3)
    inside, outside = near & view.label.mask, near & ~view.label.mask
    if not inside.any() or not outside.any():
        return float("inf")
    return float(np.linalg.norm(view.image[inside].mean(axis=0) - view.image[outside].mean(axis=0)))


def _sharpness(luma: NDArray[np.uint8], view: View) -> float:
    """Variance of the Laplacian on the person, the outline left out; infinite where that leaves nothing."""
    inside = view.label.mask & ~view.label.near
    detail = np.asarray(cv2.Laplacian(luma, cv2.CV_32F), dtype=np.float32)
    return float(np.var(detail[inside])) if inside.any() else float("inf")
