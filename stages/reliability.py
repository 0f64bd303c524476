"""How far each teacher is to be trusted on a frame, judged without truth: by the kind of shot and by edge fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from datasets.images import Image
from stages.base import Config
from stages.paste import Window
from stages.strategies import Stack, Weights

_MAIN = 0.5
"""The main person is the largest box whose score is at least this fraction of the best score."""


class Expertise(Config):
    """How good a teacher is at each kind of shot, on any common scale: only ratios between teachers count.

    Attributes:
        portrait: the frame's lower side cuts the person (talking heads).
        figure: the whole person, filling a good part of the frame (street photos).
        distant: the person is small (action).
    """

    portrait: float = Field(default=0.5, ge=0)
    figure: float = Field(default=0.5, ge=0)
    distant: float = Field(default=0.5, ge=0)


BY_DESIGN = {
    "selfie": Expertise(portrait=1.0),
    "selfie_landscape": Expertise(portrait=1.0),
    "selfie_crop": Expertise(portrait=1.0),
    "u2net": Expertise(figure=1.0),
    "isnet": Expertise(figure=0.9, distant=0.8),
    "annotation": Expertise(portrait=1.0, figure=1.0, distant=1.0),
}
"""What is known without fitting: models made for talking heads are best there, annotations everywhere. It counts for
teachers that the fitted table lacks, and is where a fit starts."""


@dataclass(frozen=True)
class Shot:
    """Memberships 0-1 of a frame in three kinds of shot; they sum to 1."""

    portrait: float
    figure: float
    distant: float


def shot_of(boxes: Sequence[Window], scores: Sequence[float]) -> Shot:
    """The kind of shot, from the main person's box; a third of each when nobody was found.

    A portrait's box reaches the lower side and is wide; else a box covering 15 % of the frame is distant and one of
    30 % is a figure, with straight ramps between, so that no weight jumps from frame to frame.
    """
    if not boxes:
        return Shot(1 / 3, 1 / 3, 1 / 3)
    candidates = [box for box, score in zip(boxes, scores, strict=True) if score >= _MAIN * max(scores)]
    x0, y0, x1, y1 = max(candidates, key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
    portrait = _ramp(y1, 0.90, 0.97) * _ramp(x1 - x0, 0.4, 0.6)
    distant = (1 - portrait) * _ramp((x1 - x0) * (y1 - y0), 0.30, 0.15)
    return Shot(portrait, 1 - portrait - distant, distant)


def reliabilities(
    votes: Stack,
    teachers: Sequence[str],
    edges: NDArray[np.float32],
    shot: Shot,
    expertise: Mapping[str, Expertise],
    *,
    edge_gain: float,
) -> Weights:
    """Weight of each teacher on this frame, `(T,)` float32 with sum 1: expertise for the shot × exp(gain · edge fit).

    Args:
        votes: `(T, H, W)`, 0-1. teachers: their T names.
        edges: `(H, W)` from `edge_strength` of the frame.
        expertise: by teacher; a teacher it lacks gets `Expertise()`.
        edge_gain: 0 leaves edge fit out.
    """
    return weigh([edge_fit(vote, edges) for vote in votes], teachers, shot, expertise, edge_gain=edge_gain)


def weigh(
    fits: Sequence[float], teachers: Sequence[str], shot: Shot, expertise: Mapping[str, Expertise], *, edge_gain: float
) -> Weights:
    """As `reliabilities`, from every teacher's `edge_fit`."""
    weights = np.zeros(len(fits))
    for index, (teacher, fit) in enumerate(zip(teachers, fits, strict=True)):
        known = expertise.get(teacher, Expertise())
        skill = shot.portrait * known.portrait + shot.figure * known.figure + shot.distant * known.distant
        weights[index] = skill * np.exp(edge_gain * fit)
    if weights.sum() <= 0:
        weights[:] = 1
    return np.asarray(weights / weights.sum(), np.float32)


def edge_strength(image: Image) -> NDArray[np.float32]:
    """`(H, W)` float32 0-1: gradient of the picture (largest of R, G, B), 1 from its own 90th percentile upwards."""
    smooth = cv2.GaussianBlur(image, (0, 0), 1.0)
    x, y = (cv2.Sobel(smooth, cv2.CV_32F, dx, dy) for dx, dy in ((1, 0), (0, 1)))
    strength = np.hypot(x, y).max(axis=2)  # not cv2.magnitude: its last bit depends on where the array lies in memory
    return np.asarray(np.clip(strength / max(float(np.quantile(strength, 0.9)), 1.0), 0, 1), np.float32)


def edge_fit(vote: NDArray[np.float32], edges: NDArray[np.float32]) -> float:
    """Mean edge strength, 0-1, along the contour of `vote` `(H, W)`; 0 when it has no contour.

    A contour that follows the picture's edges is right more often than one that crosses flat areas.
    """
    mask = (vote >= 0.5).astype(np.uint8)
    contour = cv2.morphologyEx(mask, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    return float(np.mean(edges[contour])) if contour.any() else 0.0


def _ramp(value: float, zero: float, one: float) -> float:
    """0 at `zero`, 1 at `one` (either order), linear between."""
    return float(np.clip((value - zero) / (one - zero), 0, 1))
