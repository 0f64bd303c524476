from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import ModelProto, TensorProto, helper, numpy_helper
from torch import nn
from torch.nn import functional

from training.config import HourglassConfig
from training.export import Matte, write_onnx
from training.lean_graph import bilinear_matrix, lean
from training.models.hourglass import Hourglass
from training.runtime import open_session

SIZE = (8, 8)
RNG = np.random.default_rng(3)


def made(nodes: list[onnx.NodeProto], channels: int = 1, **weights: np.ndarray) -> ModelProto:
    """A model of `x` and `y` (1, channels, 8, 8) to `out`."""
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, channels, *SIZE]),
        helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, channels, *SIZE]),
    ]
    given = [numpy_helper.from_array(array, name) for name, array in weights.items()]
    outputs = [helper.make_tensor_value_info("out", TensorProto.FLOAT, [None] * 4)]
    graph = helper.make_graph(nodes, "graph", inputs, outputs, given)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def kinds(model: ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def answers(model: ModelProto, path: Path, channels: int = 1) -> np.ndarray:
    onnx.save(model, path)
    x, y = (np.random.default_rng(seed).normal(size=(1, channels, *SIZE)).astype(np.float32) for seed in (1, 2))
    return open_session(path).run(None, {"x": x, "y": y})[0]


def kernel(out: int, channels: int, side: int = 3) -> np.ndarray:
    return RNG.normal(size=(out, channels, side, side)).astype(np.float32)


def test_a_sigmoid_goes_before_the_shuffle_of_pixels(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["deep"], pads=[1, 1, 1, 1]),
        helper.make_node("DepthToSpace", ["deep"], ["wide"], blocksize=2, mode="CRD"),
        helper.make_node("Sigmoid", ["wide"], ["out"]),
    ]
    model = made(nodes, w=kernel(4, 1))
    assert kinds(lean(model)) == ["Conv", "Sigmoid", "DepthToSpace"]
    assert np.array_equal(answers(lean(model), tmp_path / "a.onnx"), answers(model, tmp_path / "b.onnx"))


def test_a_shuffle_that_something_else_needs_stays_where_it_is() -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["deep"], pads=[1, 1, 1, 1]),
        helper.make_node("DepthToSpace", ["deep"], ["wide"], blocksize=2),
        helper.make_node("Sigmoid", ["wide"], ["soft"]),
        helper.make_node("Add", ["soft", "wide"], ["out"]),
    ]
    assert kinds(lean(made(nodes, w=kernel(4, 1)))) == ["Conv", "DepthToSpace", "Sigmoid", "Add"]


def test_a_shuffle_that_is_an_answer_itself_stays_where_it_is() -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["deep"], pads=[1, 1, 1, 1]),
        helper.make_node("DepthToSpace", ["deep"], ["wide"], blocksize=2),
        helper.make_node("Sigmoid", ["wide"], ["out"]),
    ]
    model = made(nodes, w=kernel(4, 1))
    model.graph.output.append(helper.make_tensor_value_info("wide", TensorProto.FLOAT, [None] * 4))
    assert kinds(lean(model)) == ["Conv", "DepthToSpace", "Sigmoid"]


def test_dense_layers_are_sums_and_nothing_is_concatenated(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Concat", ["x", "y"], ["two"], axis=1),
        helper.make_node("Conv", ["two", "w", "b"], ["grown"], pads=[1, 1, 1, 1]),
        helper.make_node("Concat", ["two", "grown"], ["three"], axis=1),
        helper.make_node("Conv", ["three", "v"], ["out"]),
    ]
    bias = RNG.normal(size=16).astype(np.float32)
    model = made(nodes, 16, w=kernel(16, 32), b=bias, v=kernel(2, 48, 1))
    assert kinds(lean(model)) == ["Conv", "Conv", "Add", "Conv", "Conv", "Add", "Conv", "Add"]
    found, expected = answers(lean(model), tmp_path / "a.onnx", 16), answers(model, tmp_path / "b.onnx", 16)
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize(
    ("channels", "options"), [(8, {}), (16, {"group": 2})], ids=["broken blocks", "grouped convolution"]
)
def test_what_would_gain_nothing_stays_concatenated(channels: int, options: dict[str, int]) -> None:
    nodes = [
        helper.make_node("Concat", ["x", "y"], ["two"], axis=1),
        helper.make_node("Conv", ["two", "w"], ["out"], **options),
    ]
    weights = kernel(4, 2 * channels // options.get("group", 1), 1)
    assert kinds(lean(made(nodes, channels, w=weights))) == ["Concat", "Conv"]


def test_a_bilinear_matrix_by_hand() -> None:
    # two pixels to three: the middles of the large ones lie at -1/6, 1/2 and 7/6 of the small ones' grid
    assert bilinear_matrix((1, 2), (1, 3)) == pytest.approx(np.array([[1, 0.5, 0], [0, 0.5, 1]]))
    assert bilinear_matrix((2, 3), (5, 7)).sum(axis=0) == pytest.approx(np.ones(35))


class Resize(nn.Module):
    def __init__(self, size: tuple[int, int], mode: str = "bilinear") -> None:
        super().__init__()
        self.size, self.mode = size, mode

    def forward(self, frame: torch.Tensor) -> torch.Tensor:
        return functional.interpolate(frame, size=self.size, mode=self.mode)


@pytest.mark.parametrize(
    ("size", "mode", "product"),
    [
        ((7, 9), "bilinear", True),
        ((8, 16), "bilinear", False),
        ((90, 91), "bilinear", False),
        ((7, 9), "nearest", False),
    ],
    ids=["small", "whole factors", "large", "nearest"],
)
def test_a_small_resize_by_no_whole_factor_is_a_product(
    size: tuple[int, int], mode: str, product: bool, tmp_path: Path
) -> None:
    model = Resize(size, mode)
    write_onnx(model, tmp_path / "model.onnx", (4, 8), opset=17)
    found = kinds(onnx.load(tmp_path / "model.onnx"))
    assert ("MatMul" in found, "Resize" in found) == (product, not product)
    frame = RNG.random((1, 4, 4, 8), dtype=np.float32)
    answer = open_session(tmp_path / "model.onnx").run(None, {"frame": frame})[0]
    assert np.abs(answer - model(torch.from_numpy(frame)).numpy()).max() < 1e-6


def test_the_student_keeps_no_concatenation_and_no_weight_that_nothing_uses(tmp_path: Path) -> None:
    write_onnx(Matte(Hourglass(HourglassConfig())).eval(), tmp_path / "model.onnx", (144, 256), opset=17)
    graph = onnx.load(tmp_path / "model.onnx").graph
    used = {name for node in graph.node for name in node.input}
    assert {weight.name for weight in graph.initializer} <= used
    joined = [node for node in graph.node if node.op_type == "Concat"]
    assert all(helper.get_node_attr_value(node, "axis") == 0 for node in joined)  # of shapes, before a resize
    assert [node.op_type for node in graph.node][-2:] == ["Sigmoid", "DepthToSpace"]
