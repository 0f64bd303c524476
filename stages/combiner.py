"""The combiner: a fitted network that says, pixel by pixel, whom of the teachers to trust, and corrects their sum.

Its answer is a correction of the weighted mean of the votes. A network of less than 100,000 parameters looks at the
frame on a coarse grid (`stages.combiner_planes`) and answers with a preference per teacher and one residual:

    weight of teacher t at pixel x = softmax over t of log(w_t) + preference_t(x)
    P(x) = sigmoid(logit(Σ weight_t(x) · vote_t(x)) + share · residual(x))

The votes are mixed at full size, so their edges stay as sharp as they are. Preferences and a residual of 0 give the
weighted mean: the fit is pulled towards it. A teacher that the network does not know keeps its weight with preference
0, and `share`, the weight of the teachers it does know, takes the residual back: with strangers alone the answer is
their weighted mean.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from stages.base import Config
from stages.combiner_graph import onnx_bytes
from stages.combiner_planes import Scene, grid_size, planes, resampled
from stages.reliability import Expertise
from stages.strategies import Probability, Stack, Weights

FITTED = Path(__file__).parent / "fitted"
"""Fitted parameters that come with the code."""

BOUND = 4.0
"""Preferences and residuals are logits kept within this bound: no pixel is beyond the votes' reach."""
_SURE = 0.02
"""The mix of the votes is kept this far from 0 and 1 before its logit is taken."""


class CombinerError(ValueError):
    """A fitted file cannot be read. The message names it and the cure."""


class CombinerCard(Config):
    """What a fitted combiner is, kept in its file.

    Attributes:
        slots: the teachers it knows by name, in the order of its planes and preferences.
        side: longest side in pixels of the grid it looks at.
        expertise: of the teachers it was fitted with.
        fitted_on: the data, for people. frames, sources: how many.
        command: fits it again.
    """

    slots: tuple[str, ...]
    side: int = Field(ge=16)
    expertise: dict[str, Expertise]
    fitted_on: str
    frames: int = Field(ge=0)
    sources: int = Field(ge=0)
    command: str


@dataclass(frozen=True)
class Fitted:
    """A fitted combiner: its card and the tensors of `stages.combiner_graph.CONVOLUTIONS`."""

    card: CombinerCard
    tensors: Mapping[str, NDArray[np.float32]]


def read_fitted(path: Path) -> Fitted:
    """The fitted combiner in a safetensors file.

    Raises:
        CombinerError: no such file, or not a combiner's.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise CombinerError(f"{path}: no such file; `autoroto calibrate --truth DIR` fits one, or set fuse.strategy")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: np.asarray(file.get_tensor(name), np.float32) for name in file.keys()}  # noqa: SIM118
        return Fitted(CombinerCard.model_validate_json(metadata["combiner"]), tensors)
    except (SafetensorError, KeyError, ValidationError) as error:
        raise CombinerError(
            f"{path}: not a fitted combiner ({error}); `autoroto calibrate --truth DIR` writes one"
        ) from error


def fitted_bytes(fitted: Fitted) -> bytes:
    """The safetensors file of a fitted combiner; the same bytes for the same numbers."""
    from safetensors.numpy import save

    card = json.dumps(fitted.card.model_dump(mode="json"), sort_keys=True)
    return bytes(save(dict(sorted(fitted.tensors.items())), {"combiner": card}))


class Combiner:
    """A fitted combiner, ready to work; one thread, the same bytes everywhere."""

    def __init__(self, fitted: Fitted) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = 1, 1
        options.use_deterministic_compute = True
        options.log_severity_level = 3
        self.card = fitted.card
        self._session = ort.InferenceSession(onnx_bytes(fitted.tensors), options, providers=["CPUExecutionProvider"])

    def __call__(self, scene: Scene) -> Probability:
        """Foreground probability `(H, W)` of a scene at label size."""
        height, width = scene.image.shape[:2]
        columns, rows = grid_size(width, height, self.card.side)
        flag = cv2.INTER_AREA if columns < width or rows < height else cv2.INTER_LINEAR
        small = Scene(
            np.asarray(cv2.resize(scene.image, (columns, rows), interpolation=flag), np.uint8),
            scene.teachers,
            resampled(scene.votes, columns, rows),
            scene.weights,
            scene.boxes,
            scene.scores,
            scene.shot,
        )
        seen = planes(small, self.card.slots)[None]
        answer = np.asarray(self._session.run(["answer"], {"planes": seen})[0], np.float32)[0]
        return combined(scene, self.card.slots, resampled(answer, width, height))


def combined(scene: Scene, slots: tuple[str, ...], answer: Stack) -> Probability:
    """The votes mixed by a network's `answer` `(len(slots) + 1, H, W)`: a preference per slot, then the residual."""
    bounded = BOUND * np.tanh(answer / np.float32(BOUND))
    preferences = np.zeros_like(scene.votes)
    share = np.float32(0)
    for index, teacher in enumerate(scene.teachers):
        if teacher in slots:
            preferences[index] = bounded[slots.index(teacher)]
            share += scene.weights[index]
    mixed = gated(scene.votes, scene.weights, preferences)
    clipped = np.clip(mixed, _SURE, 1 - _SURE)
    logit = np.log(clipped / (1 - clipped)) + share * bounded[-1]
    shifted = 1 / (1 + np.exp(-logit))
    # clipping must not lift what all the votes call 0 (or lower what they call 1): give back what it took
    return np.asarray(np.clip(shifted + (mixed - clipped), 0, 1), np.float32)


def gated(votes: Stack, weights: Weights, preferences: Stack) -> Probability:
    """Mean of the votes `(T, H, W)` with weights `w_t · exp(preference_t)` at every pixel."""
    share = weights[:, None, None] * np.exp(preferences)
    return np.asarray((share * votes).sum(axis=0) / share.sum(axis=0), np.float32)
