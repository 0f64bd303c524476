"""The combiner's network as an ONNX graph, built from its tensors: the fitted file holds numbers only, no program."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Tensors = Mapping[str, NDArray[np.float32]]
"""`NAME.weight` `(out, in, k, k)` and `NAME.bias` `(out,)` of every convolution, see `CONVOLUTIONS`."""

CONVOLUTIONS: Mapping[str, tuple[int, int]] = {
    "down1": (3, 2),
    "down2": (3, 2),
    "down3": (3, 2),
    "deep3": (3, 1),
    "down4": (3, 2),
    "deep4": (3, 1),
    "whole": (1, 1),
    "up3": (3, 1),
    "up2": (3, 1),
    "up1": (3, 1),
    "pixel": (1, 1),
    "answer": (1, 1),
}
"""Name to (kernel, stride). A hourglass over the planes: four halvings, one look at the whole frame, three doublings
with skips; then every pixel answers from its own planes and the features around it."""

OPSET = 17


def onnx_bytes(tensors: Tensors) -> bytes:
    """The graph `planes` `(1, P, H, W)` → `answer` `(1, T + 1, H, W)`, H and W multiples of 16, serialised.

    Raises:
        ValueError: a tensor is missing; the message names it.
    """
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    missing = [
        f"{name}.{part}" for name in CONVOLUTIONS for part in ("weight", "bias") if f"{name}.{part}" not in tensors
    ]
    if missing:
        raise ValueError(f"a combiner's tensors lack {', '.join(missing)}")
    graph = _Graph(helper)
    first = graph.relu(graph.conv("down1", "planes"))
    second = graph.relu(graph.conv("down2", first))
    third = graph.relu(graph.conv("deep3", graph.relu(graph.conv("down3", second))))
    fourth = graph.relu(graph.conv("deep4", graph.relu(graph.conv("down4", third))))
    whole = graph.relu(graph.conv("whole", graph.node("GlobalAveragePool", fourth)))
    fourth = graph.node("Add", fourth, whole)
    third = graph.relu(graph.conv("up3", graph.beside(graph.doubled(fourth), third)))
    second = graph.relu(graph.conv("up2", graph.beside(graph.doubled(third), second)))
    first = graph.relu(graph.conv("up1", graph.beside(graph.doubled(second), first)))
    pixel = graph.relu(graph.conv("pixel", graph.beside(graph.doubled(first), "planes")))
    graph.conv("answer", pixel, output="answer")
    count, answers = tensors["down1.weight"].shape[1], len(tensors["answer.bias"])
    constants = [
        numpy_helper.from_array(np.ascontiguousarray(tensors[f"{name}.{part}"], np.float32), f"{name}.{part}")
        for name in CONVOLUTIONS
        for part in ("weight", "bias")
    ]
    constants.append(numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "doubling"))
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "combiner",
            [helper.make_tensor_value_info("planes", TensorProto.FLOAT, [1, count, "height", "width"])],
            [helper.make_tensor_value_info("answer", TensorProto.FLOAT, [1, answers, "height", "width"])],
            constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=8,
    )
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


class _Graph:
    """Nodes in order, each named by its output."""

    def __init__(self, helper: Any) -> None:
        self._helper = helper
        self.nodes: list[Any] = []

    def node(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        output = output or f"{kind}{len(self.nodes)}"
        self.nodes.append(self._helper.make_node(kind, list(inputs), [output], **attributes))
        return output

    def conv(self, name: str, source: str, *, output: str = "") -> str:
        kernel, stride = CONVOLUTIONS[name]
        around = kernel // 2
        return self.node(
            "Conv",
            source,
            f"{name}.weight",
            f"{name}.bias",
            output=output,
            kernel_shape=[kernel] * 2,
            strides=[stride] * 2,
            pads=[around] * 4,
        )

    def relu(self, source: str) -> str:
        return self.node("Relu", source)

    def beside(self, first: str, second: str) -> str:
        return self.node("Concat", first, second, axis=1)

    def doubled(self, source: str) -> str:
        """Twice the size, bilinearly, pixel centres at half-integers."""
        return self.node("Resize", source, "", "doubling", mode="linear", coordinate_transformation_mode="half_pixel")
