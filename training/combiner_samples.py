"""What the combiner is fitted on: frames with their votes and the truth, small enough to keep thousands in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.images import Grey, Image
from qa.metrics import iou
from stages.combiner_planes import Scene, grid_size
from stages.paste import Window
from stages.reliability import EXPERTISE, Expertise, Shot, edge_fit, edge_strength, shot_of, weigh

_LEAST_FRAMES = 4.0
"""Frames of a kind of shot (counted by membership) below which nothing is said about teachers there."""
_LEAST_ERROR = 0.01
"""Added to a teacher's mean error: people themselves agree to about so much."""


@dataclass(frozen=True)
class Sample:
    """One frame of known truth, on the combiner's grid.

    Attributes:
        group: the source it stems from. What is measured on a source is fitted on no sample of its group.
        collection: the set of footage it belongs to.
        teachers: names of the T teachers that voted.
        image: `(h, w, 3)` uint8 RGB. votes: `(T, h, w)` uint8. truth: `(h, w)` uint8, area-averaged.
        boxes, scores: confident person boxes.
        fits: every teacher's `edge_fit` at label size. ious: every teacher's IoU with truth there.
    """

    group: str
    collection: str
    teachers: tuple[str, ...]
    image: Image
    votes: NDArray[np.uint8]
    truth: Grey
    boxes: tuple[Window, ...]
    scores: tuple[float, ...]
    fits: tuple[float, ...]
    ious: tuple[float, ...]

    @property
    def shot(self) -> Shot:
        """The kind of shot."""
        return shot_of(self.boxes, self.scores)

    def scene(self, expertise: Mapping[str, Expertise], *, edge_gain: float) -> Scene:
        """The frame as the combiner sees it."""
        weights = weigh(self.fits, self.teachers, self.shot, expertise, edge_gain=edge_gain)
        votes = self.votes.astype(np.float32) / np.float32(255)
        return Scene(self.image, self.teachers, votes, weights, self.boxes, self.scores, self.shot)


def make_sample(scene: Scene, truth: Grey, *, group: str, collection: str, side: int) -> Sample:
    """A sample of a scene at label size; `truth` is `(H, W)` uint8 at any size of the same shape."""
    height, width = scene.image.shape[:2]
    exact = _sized(truth, width, height)
    edges = edge_strength(scene.image)
    columns, rows = grid_size(width, height, side)
    return Sample(
        group=group,
        collection=collection,
        teachers=tuple(scene.teachers),
        image=np.asarray(_sized(scene.image, columns, rows), np.uint8),
        votes=np.stack([np.rint(_sized(vote, columns, rows) * 255).astype(np.uint8) for vote in scene.votes]),
        truth=_sized(truth, columns, rows),
        boxes=tuple(tuple(box) for box in scene.boxes),
        scores=tuple(scene.scores),
        fits=tuple(edge_fit(vote, edges) for vote in scene.votes),
        ious=tuple(iou(vote, exact) for vote in scene.votes),
    )


def fit_expertise(samples: Sequence[Sample]) -> dict[str, Expertise]:
    """Teacher to its expertise: 1 / mean error (1 - IoU) by kind of shot, relative to the best teacher.

    Only `figure` and `distant` are fitted. What a model was made for is known without fitting, and few people have
    truth of talking heads: `portrait` is that of `stages.reliability.EXPERTISE`. A kind of shot with too few frames
    gives every teacher one half.
    """
    errors: dict[str, NDArray[np.float64]] = {}
    masses: dict[str, NDArray[np.float64]] = {}
    for sample in samples:
        kinds = np.array([sample.shot.figure, sample.shot.distant])
        for teacher, found in zip(sample.teachers, sample.ious, strict=True):
            errors[teacher] = errors.get(teacher, np.zeros(2)) + kinds * (1 - found)
            masses[teacher] = masses.get(teacher, np.zeros(2)) + kinds
    skills = {
        teacher: np.where(mass >= _LEAST_FRAMES, 1 / (errors[teacher] / np.maximum(mass, 1e-9) + _LEAST_ERROR), np.nan)
        for teacher, mass in masses.items()
    }
    best = np.nanmax(np.stack([*skills.values(), np.full(2, 1e-9)]), axis=0)
    table = {}
    for teacher, skill in sorted(skills.items()):
        figure, distant = (0.5 if np.isnan(value) else round(float(value), 2) for value in skill / best)
        portrait = EXPERTISE.get(teacher, Expertise()).portrait
        table[teacher] = Expertise(portrait=portrait, figure=figure, distant=distant)
    return table


def augmented(sample: Sample, rng: np.random.Generator) -> Sample:
    """The sample mirrored, cut and with some teachers gone, at the same grid size.

    A cut keeps at least half of each side, and most of the foreground; a third of the samples stay whole. Each teacher
    but two is silenced in a tenth of the samples.
    """
    sample = _mirrored(sample) if rng.random() < 0.5 else sample
    sample = _cut(sample, rng) if rng.random() < 0.67 else sample
    return _silenced(sample, rng)


def _mirrored(sample: Sample) -> Sample:
    return replace(
        sample,
        image=np.ascontiguousarray(sample.image[:, ::-1]),
        votes=np.ascontiguousarray(sample.votes[:, :, ::-1]),
        truth=np.ascontiguousarray(sample.truth[:, ::-1]),
        boxes=tuple((1 - x1, y0, 1 - x0, y1) for x0, y0, x1, y1 in sample.boxes),
    )


def _cut(sample: Sample, rng: np.random.Generator) -> Sample:
    height, width = sample.truth.shape
    rows, columns = (round(side * rng.uniform(0.55, 1)) for side in (height, width))
    top, left = int(rng.integers(0, height - rows + 1)), int(rng.integers(0, width - columns + 1))
    window = np.s_[top : top + rows, left : left + columns]
    if sample.truth[window].sum(dtype=np.int64) < 0.5 * sample.truth.sum(dtype=np.int64):
        return sample
    kept = [
        (box, score)
        for box, score in zip(sample.boxes, sample.scores, strict=True)
        if box[2] * width > left and box[0] * width < left + columns
        and box[3] * height > top and box[1] * height < top + rows
    ]  # fmt: skip

    def moved(box: Window) -> Window:
        xs = [min(max((x * width - left) / columns, 0.0), 1.0) for x in (box[0], box[2])]
        ys = [min(max((y * height - top) / rows, 0.0), 1.0) for y in (box[1], box[3])]
        return (xs[0], ys[0], xs[1], ys[1])

    return replace(
        sample,
        image=np.asarray(cv2.resize(sample.image[window], (width, height), interpolation=cv2.INTER_LINEAR), np.uint8),
        votes=np.stack([cv2.resize(vote[window], (width, height)) for vote in sample.votes]),
        truth=np.asarray(cv2.resize(sample.truth[window], (width, height)), np.uint8),
        boxes=tuple(moved(box) for box, _ in kept),
        scores=tuple(score for _, score in kept),
    )


def _silenced(sample: Sample, rng: np.random.Generator) -> Sample:
    keep = np.flatnonzero(rng.random(len(sample.teachers)) > 0.1)
    if len(keep) < 2 or len(keep) == len(sample.teachers):
        return sample
    return replace(
        sample,
        teachers=tuple(sample.teachers[index] for index in keep),
        votes=sample.votes[keep],
        fits=tuple(sample.fits[index] for index in keep),
        ious=tuple(sample.ious[index] for index in keep),
    )


def _sized(values: NDArray[np.generic], width: int, height: int) -> NDArray[np.uint8]:
    if values.shape[:2] == (height, width):
        return np.asarray(values)
    shrinks = width < values.shape[1] or height < values.shape[0]
    flag = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(values, (width, height), interpolation=flag))
