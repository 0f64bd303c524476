"""TensorFlow Lite models on the CPU, for detectors and teachers alike."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray


class LiteRTModel:
    """One `.tflite` file opened with ai-edge-litert: float32 in, float32 outputs in the file's order.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is no model, or not one with a single float32 image input.
    """

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        from ai_edge_litert.interpreter import Interpreter

        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such model; `autoroto fetch` brings the models of the lock file")
        self.path = path
        try:
            self._interpreter = Interpreter(model_path=str(path), num_threads=threads)
            self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise ValueError(f"{path}: not a model that LiteRT can run: {error}") from error
        inputs = self._interpreter.get_input_details()
        if len(inputs) != 1 or inputs[0]["dtype"] != np.float32 or len(inputs[0]["shape"]) != 4:
            found = [(d["name"], list(d["shape"]), d["dtype"].__name__) for d in inputs]
            raise ValueError(f"{path}: expected one float32 image input of rank 4, found {found}")
        self._input = inputs[0]["index"]
        self.input_shape = tuple(int(size) for size in inputs[0]["shape"])
        self._outputs = [detail["index"] for detail in self._interpreter.get_output_details()]

    @property
    def outputs(self) -> int:
        """How many outputs the model has."""
        return len(self._outputs)

    def __call__(self, tensor: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """All outputs for one input tensor of `input_shape`.

        Raises:
            ValueError: the tensor has another shape.
        """
        if tensor.shape != self.input_shape:
            raise ValueError(f"{self.path}: takes a tensor of {self.input_shape}, got {tensor.shape}")
        self._interpreter.set_tensor(self._input, tensor)
        self._interpreter.invoke()
        return [self._interpreter.get_tensor(index) for index in self._outputs]
