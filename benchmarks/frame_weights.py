"""A design that was tried: one weight per teacher and frame, from a calibrated guess of each teacher's error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from qa.metrics import iou
from stages.combiner_planes import Scene, box_map
from stages.reliability import Expertise
from stages.strategies import weighted
from training.combiner_samples import Sample

_RIDGE = 10.0
_SHARPNESS = 2.0
"""Weights are the guessed error to the power of minus this."""
_LEAST = 0.01


class FrameWeights:
    """Ridge regression from a teacher's signals on a frame to the logarithm of its error (1 - IoU)."""

    def __init__(self, samples: Sequence[Sample], expertise: Mapping[str, Expertise], edge_gain: float) -> None:
        self._slots = sorted({teacher for sample in samples for teacher in sample.teachers})
        rows, targets = [], []
        for sample in samples:
            signals = self._signals(sample, sample.scene(expertise, edge_gain=edge_gain))
            rows += list(signals)
            targets += [np.log(1 - found + _LEAST) for found in sample.ious]
        table = np.array(rows)
        self._centre, self._spread = table.mean(axis=0), table.std(axis=0) + 1e-6
        scaled = (table - self._centre) / self._spread
        aims = np.array(targets)
        self._mean = aims.mean()
        square = scaled.T @ scaled + _RIDGE * np.eye(scaled.shape[1])
        self._slopes = np.linalg.solve(square, scaled.T @ (aims - self._mean))

    def mixed(self, sample: Sample, scene: Scene) -> NDArray[np.float32]:
        """Mean of the votes by guessed error."""
        shares = np.exp(-_SHARPNESS * self._errors(sample, scene))
        return weighted(scene.votes, (shares / shares.sum()).astype(np.float32))

    def selected(self, sample: Sample, scene: Scene) -> NDArray[np.float32]:
        """The vote of the teacher with the least guessed error: a choice of hypothesis."""
        return scene.votes[int(np.argmin(self._errors(sample, scene)))]

    def _errors(self, sample: Sample, scene: Scene) -> NDArray[np.float64]:
        """Guessed log error of each teacher."""
        signals = (self._signals(sample, scene) - self._centre) / self._spread
        return np.asarray(signals @ self._slopes + self._mean)

    def _signals(self, sample: Sample, scene: Scene) -> NDArray[np.float64]:
        """`(T, S)`: who it is, on which kind of shot, agreement, edges, boxes, sureness."""
        middle = weighted(scene.votes, scene.weights)
        people = box_map(scene.boxes, scene.scores, middle.shape[1], middle.shape[0]) > 0
        rows = []
        for index, teacher in enumerate(scene.teachers):
            vote = scene.votes[index]
            who = np.array([teacher == slot for slot in self._slots], float)
            others = [iou(vote, other) for place, other in enumerate(scene.votes) if place != index]
            area = max(float(vote.sum()), 1.0)
            shot = np.array([scene.shot.portrait, scene.shot.figure, scene.shot.distant])
            signals = [
                iou(vote, middle),
                float(np.mean(others)) if others else 1.0,
                max(others, default=1.0),
                sample.fits[index],
                float(vote[people].sum()) / area,
                float(vote[people].mean()) if people.any() else 0.0,
                np.log(area / max(float(middle.sum()), 1.0)),
                float(np.abs(2 * vote - 1).mean()),
            ]
            rows.append(np.concatenate([who, np.outer(who, shot).ravel(), shot, signals]))
        return np.array(rows)
