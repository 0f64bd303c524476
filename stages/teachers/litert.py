"""Teachers in TensorFlow Lite files."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from stages.litert_model import LiteRTModel
from stages.teachers.image_model import ImageModelConfig, ImageModelTeacher, Tensor


class LiteRTConfig(ImageModelConfig):
    """A `.tflite` file with one float32 image input."""

    libraries: ClassVar[tuple[str, ...]] = ("ai-edge-litert",)
    runtime: Literal["litert"] = "litert"
    layout: Literal["nchw", "nhwc"] = "nhwc"

    def open(self, root: Path) -> ImageModelTeacher:
        """Open the model.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the model's input or outputs are not as declared.
        """
        model = LiteRTModel(root / self.file, threads=self.threads)
        if model.input_shape != self.input_shape:
            raise ValueError(f"{model.path}: takes {model.input_shape}, but `size` and `layout` say {self.input_shape}")
        if self.output >= model.outputs:
            raise ValueError(f"{model.path}: has {model.outputs} outputs, so there is no output {self.output}")

        def network(tensor: Tensor) -> Tensor:
            return model(tensor)[self.output]

        return ImageModelTeacher(self, network)
