"""Export the student to ONNX, and prove that the file computes what the network does."""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from training.config import ExportConfig
from training.hourglass import Hourglass
from training.runtime import INPUT, OUTPUT, open_session
from training.weights import load_student

MODEL = "student.onnx"
PARITY = "parity.json"


@dataclass(frozen=True)
class ExportResult:
    """The exported file and its check.

    Attributes:
        difference: largest absolute difference of alpha between torch and onnxruntime over `frames` random frames.
        parameters, nodes, bytes: size of the network, of the graph, of the file.
    """

    path: str
    difference: float
    tolerance: float
    frames: int
    opset: int
    parameters: int
    nodes: int
    bytes: int


class Matte(nn.Module):
    """The student as it is shipped: frames in, alpha 0-1 (instead of logits) out."""

    def __init__(self, student: Hourglass) -> None:
        super().__init__()
        self.student = student

    def forward(self, frame: Tensor) -> Tensor:
        """`(1, 1, H, W)` float alpha of `(1, 4, H, W)` float RGB 0-1 and prior 0-1."""
        return torch.sigmoid(self.student(frame))


def export(*, config: ExportConfig, student: Path, out: Path) -> ExportResult:
    """Write `student.onnx` and `parity.json` into `out`.

    The graph has a fixed size (batch 1), input `frame` and output `alpha`, see `Matte.forward`.

    Raises:
        FileNotFoundError: `student` is no folder that `train` wrote.
        ValueError: onnxruntime's alpha differs from torch's by more than `config.tolerance`.
    """
    matte = Matte(load_student(student)).eval()
    size = (matte.student.config.height, matte.student.config.width)
    out.mkdir(parents=True, exist_ok=True)
    path = out / MODEL
    write_onnx(matte, path, size, opset=config.opset)
    difference = parity(matte, path, size, frames=config.parity_frames)
    result = ExportResult(
        path=MODEL,
        difference=difference,
        tolerance=config.tolerance,
        frames=config.parity_frames,
        opset=config.opset,
        parameters=sum(parameter.numel() for parameter in matte.parameters()),
        nodes=len(onnx.load(path).graph.node),
        bytes=path.stat().st_size,
    )
    (out / PARITY).write_text(json.dumps(asdict(result), indent=2, sort_keys=True) + "\n")
    if difference >= config.tolerance:
        raise ValueError(
            f"{path}: alpha differs from torch's by {difference:.2e}, expected less than export.tolerance = "
            f"{config.tolerance:.0e}; try another export.opset"
        )
    return result


def write_onnx(model: nn.Module, path: Path, size: tuple[int, int], *, opset: int) -> None:
    """Trace `model` on a `(1, 4, height, width)` frame into an ONNX file whose batch norms are folded away."""
    frame = torch.zeros(1, 4, *size)
    with warnings.catch_warnings():
        # The tracing exporter is deprecated, yet folds this net to half the nodes that the new one leaves.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (frame,),
            str(path),
            input_names=[INPUT],
            output_names=[OUTPUT],
            opset_version=opset,
            dynamo=False,
        )


@torch.no_grad()
def parity(model: nn.Module, path: Path, size: tuple[int, int], *, frames: int) -> float:
    """Largest absolute difference between `model` and the ONNX file at `path` over seeded random frames and priors."""
    session = open_session(path)
    rng = np.random.default_rng(0)
    worst = 0.0
    for _ in range(frames):
        frame = rng.random((1, 4, *size), dtype=np.float32)
        expected = model(torch.from_numpy(frame)).numpy()
        (found,) = session.run([OUTPUT], {INPUT: frame})
        worst = max(worst, float(np.abs(np.asarray(found) - expected).max()))
    return worst
