"""Export the student to ONNX, and prove that the file computes what the network does."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import Tensor, nn

from training.config import ExportConfig
from training.lean_graph import lean
from training.models import States, StudentModel
from training.runtime import INPUT, NEXT_STATE, OUTPUT, STATE, open_session
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
    """The student as it is shipped: frames in, alpha 0-1 (instead of logits) out; a recurrent one's states beside."""

    def __init__(self, student: StudentModel) -> None:
        super().__init__()
        self.student = student

    def forward(self, frame: Tensor, *states: Tensor) -> Tensor | tuple[Tensor, ...]:
        """`(1, 1, H, W)` float alpha of `(1, 4, H, W)` float RGB 0-1 and prior 0-1; then the next states, if any."""
        logits, following = self.student.step(frame, states)
        alpha = torch.sigmoid(logits)
        return (alpha, *following) if following else alpha

    @torch.no_grad()
    def no_states(self) -> States:
        """What a recurrent student remembers before the first frame, zeros; empty for the others."""
        frame = torch.zeros(1, 4, self.student.config.height, self.student.config.width)
        return tuple(torch.zeros_like(state) for state in self.student.step(frame)[1])


def export(*, config: ExportConfig, student: Path, out: Path) -> ExportResult:
    """Write `student.onnx` and `parity.json` into `out`.

    The graph has a fixed size (batch 1), input `frame` and output `alpha`, see `Matte.forward`. A recurrent student's
    has inputs `state_0`, ... and outputs `next_state_0`, ... as well: zeros first, then what the frame before gave.

    Raises:
        FileNotFoundError: `student` is no folder that `train` wrote.
        ValueError: onnxruntime's alpha differs from torch's by more than `config.tolerance`.
    """
    matte = Matte(load_student(student)).eval()
    size = (matte.student.config.height, matte.student.config.width)
    out.mkdir(parents=True, exist_ok=True)
    path = out / MODEL
    states = matte.no_states()
    write_onnx(matte, path, size, opset=config.opset, states=states)
    difference = parity(matte, path, size, frames=config.parity_frames, states=states)
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


def write_onnx(
    model: nn.Module, path: Path, size: tuple[int, int], *, opset: int, states: Sequence[Tensor] = ()
) -> None:
    """Trace `model` on a `(1, 4, height, width)` frame into a lean ONNX file, whose batch norms are folded away.

    Args:
        states: examples of a recurrent model's further inputs, which are further outputs too.
    """
    frame = torch.zeros(1, 4, *size)
    count = range(len(states))
    with warnings.catch_warnings():
        # The tracing exporter is deprecated, yet folds this net to half the nodes that the new one leaves.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            (frame, *states),
            str(path),
            input_names=[INPUT, *(f"{STATE}{index}" for index in count)],
            output_names=[OUTPUT, *(f"{NEXT_STATE}{index}" for index in count)],
            opset_version=opset,
            dynamo=False,
        )
    onnx.save(lean(onnx.load(path)), path)


@torch.no_grad()
def parity(model: nn.Module, path: Path, size: tuple[int, int], *, frames: int, states: Sequence[Tensor] = ()) -> float:
    """Largest absolute difference between `model` and the ONNX file at `path` over seeded random frames and priors.

    Each of a recurrent pair goes on from its own states, so that a difference may grow from frame to frame.
    """
    session = open_session(path)
    rng = np.random.default_rng(0)
    worst = 0.0
    names = [value.name for value in session.get_inputs()][1:]
    expected, found = list(states), [state.numpy() for state in states]
    for _ in range(frames):
        frame = rng.random((1, 4, *size), dtype=np.float32)
        answer = model(torch.from_numpy(frame), *expected)
        alpha, *expected = answer if isinstance(answer, tuple) else (answer,)
        seen, *found = session.run(None, {INPUT: frame, **dict(zip(names, found, strict=True))})
        worst = max(worst, float(np.abs(np.asarray(seen) - alpha.numpy()).max()))
    return worst
