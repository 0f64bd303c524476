"""A design that was tried: one weight per teacher and frame, from a calibrated guess of each teacher's error."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from stages.strategies import weighted
from training.known_frames import KnownFrame

_RIDGE = 10.0
_SHARPNESS = 2.0
"""Weights are the guessed error to the power of minus this."""
_LEAST = 0.01


class FrameWeights:
    """Ridge regression from a teacher's signals on a frame to the logarithm of its error (1 - IoU)."""

    def __init__(self, frames: Sequence[KnownFrame]) -> None:
        self._slots = sorted({teacher for frame in frames for teacher in frame.teachers})
        table = np.concatenate([self._signals(frame) for frame in frames])
        aims = np.log(1 - np.concatenate([frame.ious for frame in frames]) + _LEAST)
        self._centre, self._spread = table.mean(axis=0), table.std(axis=0) + 1e-6
        scaled = (table - self._centre) / self._spread
        self._mean = aims.mean()
        square = scaled.T @ scaled + _RIDGE * np.eye(scaled.shape[1])
        self._slopes = np.linalg.solve(square, scaled.T @ (aims - self._mean))

    def mixed(self, frame: KnownFrame) -> NDArray[np.float32]:
        """Mean of the votes by guessed error, `(h, w)`."""
        shares = np.exp(-_SHARPNESS * self._errors(frame))
        return weighted(frame.maps(), (shares / shares.sum()).astype(np.float32))

    def selected(self, frame: KnownFrame) -> NDArray[np.float32]:
        """The vote of the teacher with the least guessed error, `(h, w)`: a choice of hypothesis."""
        return frame.maps()[int(np.argmin(self._errors(frame)))]

    def _errors(self, frame: KnownFrame) -> NDArray[np.float64]:
        """Guessed log error of each teacher."""
        return np.asarray((self._signals(frame) - self._centre) / self._spread @ self._slopes + self._mean)

    def _signals(self, frame: KnownFrame) -> NDArray[np.float64]:
        """`(T, S)`: who it is, on which kind of shot, what can be seen of its vote."""
        shot = np.array([frame.shot.portrait, frame.shot.figure, frame.shot.distant])
        rows = []
        for teacher, signals in zip(frame.teachers, frame.signals, strict=True):
            who = np.array([teacher == slot for slot in self._slots], float)
            rows.append(np.concatenate([who, np.outer(who, shot).ravel(), shot, signals]))
        return np.array(rows)
