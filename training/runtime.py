"""The student at work: frames in, alpha out, the prior kept in between. Needs onnxruntime only, no torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from datasets.images import Grey, Image
from training.letterbox import letterbox, unletterbox

INPUT, OUTPUT = "frame", "alpha"
STATE, NEXT_STATE = "state_", "next_state_"
"""How the states of a recurrent student are called, before their number: as inputs, and as outputs."""


def open_session(path: Path, *, threads: int = 1) -> onnxruntime.InferenceSession:
    """An ONNX file opened on the CPU with `threads` threads.

    Raises:
        FileNotFoundError: there is no such file.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: no such model; `dvc repro export` writes the student's")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Idle threads must not spin: an application has other work for its cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


class Student:
    """An exported student. Call it with the frames of one video in order; `reset` it between videos.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no student: input `frame` `(1, 4, H, W)` float32, output `alpha`; a recurrent one has
            inputs `state_0`, ... and outputs `next_state_0`, ... as well.
    """

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        self.path = path
        self.session = open_session(path, threads=threads)
        inputs = [(value.name, value.shape) for value in self.session.get_inputs()]
        outputs = [value.name for value in self.session.get_outputs()]
        states = [(f"{STATE}{index}", f"{NEXT_STATE}{index}") for index in range(len(inputs) - 1)]
        names = [name for name, _ in inputs], outputs
        expected = [INPUT, *(now for now, _ in states)], [OUTPUT, *(following for _, following in states)]
        if names != expected or inputs[0][1][:2] != [1, 4]:
            raise ValueError(f"{path}: no student: expected input frame (1, 4, H, W), found {inputs} -> {outputs}")
        self.size: tuple[int, int] = (inputs[0][1][2], inputs[0][1][3])
        self._state_shapes = dict(inputs[1:])
        self.reset()

    def reset(self) -> None:
        """Forget the previous frame: the next one is the first of another video."""
        self._prior: NDArray[np.float32] = np.zeros(self.size, np.float32)
        self._states = {name: np.zeros(shape, np.float32) for name, shape in self._state_shapes.items()}

    def prime(self, prior: Grey) -> None:
        """Take this mask `(H, W)` uint8, of a whole frame, for the alpha of the frame before, and forget all else."""
        self.reset()
        self._prior = np.asarray(letterbox(prior, self.size), np.float32) * np.float32(1 / 255)

    def __call__(self, image: Image) -> Grey:
        """Alpha `(H, W)` uint8 (255 = person) of the next frame `(H, W, 3)` uint8 RGB, at the frame's own size."""
        return enlarge(self.infer(letterbox(image, self.size)), (image.shape[0], image.shape[1]))

    def infer(self, small: Image) -> NDArray[np.float32]:
        """Alpha `(h, w)` float32 of the next frame, letterboxed `(h, w, 3)` uint8; it is the prior of the one after."""
        alpha, *states = self.session.run(None, {INPUT: self._with_prior(small), **self._states})
        self._states = {name: np.asarray(state) for name, state in zip(self._states, states, strict=True)}
        self._prior = np.asarray(alpha, dtype=np.float32)[0, 0]
        return self._prior

    def inputs(self, image: Image) -> dict[str, NDArray[np.float32]]:
        """What the network is given for the next frame, by name: `tensor` and a recurrent student's states."""
        return {INPUT: self.tensor(image), **self._states}

    def tensor(self, image: Image) -> NDArray[np.float32]:
        """`(1, 4, H, W)` float32 0-1 at the student's size: the frame and the current prior."""
        return self._with_prior(letterbox(image, self.size))

    def _with_prior(self, small: Image) -> NDArray[np.float32]:
        frame = np.empty((1, 4, *self.size), np.float32)
        np.multiply(small.transpose(2, 0, 1), np.float32(1 / 255), out=frame[0, :3])
        frame[0, 3] = self._prior
        return frame


def enlarge(alpha: NDArray[np.float32], source: tuple[int, int]) -> Grey:
    """The student's alpha `(h, w)` float32 as `(H, W)` uint8 of a frame of `source` (height, width)."""
    # Resized before rounding to 8 bits: soft edges stay smooth when enlarged.
    return np.asarray(np.rint(np.clip(unletterbox(alpha, source), 0, 1) * 255), dtype=np.uint8)
