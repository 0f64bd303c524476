"""Teachers in ONNX files, run by onnxruntime on the CPU."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np

from stages.teachers.image_model import ImageModelConfig, ImageModelTeacher, Tensor


class OnnxConfig(ImageModelConfig):
    """An `.onnx` file with one float32 image input."""

    libraries: ClassVar[tuple[str, ...]] = ("onnxruntime",)
    runtime: Literal["onnx"] = "onnx"
    layout: Literal["nchw", "nhwc"] = "nchw"

    def open(self, root: Path) -> ImageModelTeacher:
        """Open the model.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the model's input or outputs are not as declared.
        """
        import onnxruntime as ort

        path = root / self.file
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such model; `autoroto fetch` brings the models of the lock file")
        options = ort.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = self.threads, 1
        options.use_deterministic_compute = True
        options.log_severity_level = 3
        session = ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        inputs, outputs = session.get_inputs(), session.get_outputs()
        if len(inputs) != 1 or inputs[0].type != "tensor(float)":
            found = [(one.name, one.type) for one in inputs]
            raise ValueError(f"{path}: expected one float32 image input, found {found}")
        if not _fits(inputs[0].shape, self.input_shape):
            raise ValueError(f"{path}: takes {inputs[0].shape}, but `size` and `layout` say {self.input_shape}")
        if self.output >= len(outputs):
            raise ValueError(f"{path}: has {len(outputs)} outputs, so there is no output {self.output}")
        entry, chosen = inputs[0].name, outputs[self.output].name

        def network(tensor: Tensor) -> Tensor:
            return np.asarray(session.run([chosen], {entry: tensor})[0], dtype=np.float32)

        return ImageModelTeacher(self, network)


def _fits(shape: list[int | str | None], wanted: tuple[int, ...]) -> bool:
    """Whether a declared shape, whose free axes are names or None, admits the wanted one."""
    return len(shape) == len(wanted) and all(
        not isinstance(size, int) or size == target for size, target in zip(shape, wanted, strict=True)
    )
