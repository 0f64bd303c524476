"""The same network in fewer milliseconds: an ONNX graph rewritten for how onnxruntime runs it on a CPU.

onnxruntime keeps channels in blocks of 16 floats and hides what follows a convolution (an addition, a ReLU, a sigmoid)
in the convolution itself. What it cannot treat so is written differently here. The network's weights stay as they are,
and so does what it computes, but for the order of sums.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import ModelProto, NodeProto, helper, numpy_helper, shape_inference
from torch.nn import functional

BLOCK = 16
"""Channels that onnxruntime keeps together."""
MOST_NUMBERS = 8192
"""Of a matrix that replaces a resize: a larger one is no saving."""

Shapes = Mapping[str, tuple[int, ...]]
Weights = dict[str, NDArray[np.generic]]
"""The graph's constants by name. What a rewriting needs besides, it adds."""


def lean(model: ModelProto) -> ModelProto:
    """The model with the rewritings below; without a place for them it stays as it is, but for what nothing uses."""
    graph = model.graph
    shapes = _shapes(model)
    weights: Weights = {weight.name: numpy_helper.to_array(weight) for weight in graph.initializer}
    outputs = {value.name for value in graph.output}
    nodes = sigmoid_before_shuffle(graph.node, outputs)
    nodes = split_concatenations(nodes, weights, shapes)
    nodes = resize_as_product(nodes, weights, shapes)
    nodes, needed = _used(nodes, outputs)
    kept = [numpy_helper.from_array(array, name) for name, array in weights.items() if name in needed]
    written = helper.make_graph(nodes, graph.name, graph.input, graph.output, kept)
    found = helper.make_model(written, opset_imports=model.opset_import, ir_version=model.ir_version)
    onnx.checker.check_model(found)
    return found


def sigmoid_before_shuffle(nodes: Sequence[NodeProto], outputs: Iterable[str]) -> list[NodeProto]:
    """The sigmoid of shuffled pixels as shuffled pixels of the sigmoid, which hides in a convolution before it."""
    shuffles = {node.output[0]: node for node in nodes if node.op_type == "DepthToSpace"}
    used = [*(name for node in nodes for name in node.input), *outputs]
    swapped = {
        node.input[0]: node
        for node in nodes
        if node.op_type == "Sigmoid" and node.input[0] in shuffles and used.count(node.input[0]) == 1
    }
    found: list[NodeProto] = []
    for node in nodes:
        between = node.input[0] if node.op_type == "Sigmoid" else ""
        if node.op_type == "DepthToSpace" and node.output[0] in swapped:
            continue
        if between in swapped:
            shuffle = shuffles[between]
            found.append(helper.make_node("Sigmoid", shuffle.input, [between]))
            found.append(helper.make_node("DepthToSpace", [between], node.output, **_attributes(shuffle)))
        else:
            found.append(node)
    return found


def split_concatenations(nodes: Sequence[NodeProto], weights: Weights, shapes: Shapes) -> list[NodeProto]:
    """A convolution of concatenated channels as the sum of convolutions of the parts: nothing is copied.

    Where every part is whole blocks of channels; the additions hide in the convolutions.
    """
    parts: dict[str, list[str]] = {}
    found: list[NodeProto] = []
    for node in nodes:
        if node.op_type == "Concat" and _attributes(node)["axis"] == 1:
            parts[node.output[0]] = [part for name in node.input for part in parts.get(name, [name])]
        names = parts.get(node.input[0], []) if node.op_type == "Conv" else []
        widths = [shapes[name][1] if name in shapes else 0 for name in names]
        blocks = len(names) > 1 and all(width and width % BLOCK == 0 for width in widths)
        if blocks and _attributes(node).get("group", 1) == 1 and node.input[1] in weights:
            found += _sum_of_parts(node, names, widths, weights)
        else:
            found.append(node)
    return found


def resize_as_product(nodes: Sequence[NodeProto], weights: Weights, shapes: Shapes) -> list[NodeProto]:
    """A small bilinear resize by no whole factor as a product with its matrix."""
    found: list[NodeProto] = []
    for node in nodes:
        before, after = shapes.get(node.input[0], ()) if node.input else (), shapes.get(node.output[0], ())
        if not _is_bilinear(node) or len(before) != 4 or len(after) != 4 or before[:2] != after[:2]:
            found.append(node)
            continue
        small, large = before[2:], after[2:]
        whole = all(many % few == 0 for few, many in zip(small, large, strict=True))
        if whole or np.prod([*small, *large]) > MOST_NUMBERS:
            found.append(node)
            continue
        name = node.output[0]
        flat, moved, rows, matrix, back = (f"{name}_{part}" for part in ("flat", "moved", "rows", "matrix", "back"))
        weights[rows] = np.array([*before[:2], -1], np.int64)
        weights[matrix] = bilinear_matrix(small, large)
        weights[back] = np.array(after, np.int64)
        found.append(helper.make_node("Reshape", [node.input[0], rows], [flat]))
        found.append(helper.make_node("MatMul", [flat, matrix], [moved]))
        found.append(helper.make_node("Reshape", [moved, back], [name]))
    return found


def bilinear_matrix(small: Sequence[int], large: Sequence[int]) -> NDArray[np.float32]:
    """`(h·w, H·W)` float32: what each pixel of a small picture adds to each of the large one.

    As torch's `interpolate(mode="bilinear", align_corners=False)` has it, which is asked about one pixel at a time.
    """
    pixels = torch.eye(int(np.prod(small))).reshape(-1, 1, *small)
    resized = functional.interpolate(pixels, size=tuple(large), mode="bilinear", align_corners=False)
    return np.asarray(resized.reshape(len(pixels), -1).numpy(), np.float32)


def _sum_of_parts(node: NodeProto, names: Sequence[str], widths: Sequence[int], weights: Weights) -> list[NodeProto]:
    """Convolutions of the named tensors, and their sum in the order of the names; the first has the bias."""
    out = node.output[0]
    kernels = np.split(weights[node.input[1]], np.cumsum(widths)[:-1], axis=1)
    found: list[NodeProto] = []
    total = ""
    for index, (name, kernel) in enumerate(zip(names, kernels, strict=True)):
        weights[f"{out}_kernel_{index}"] = np.ascontiguousarray(kernel)
        given = [name, f"{out}_kernel_{index}", *([] if index else node.input[2:])]
        part = f"{out}_part_{index}"
        found.append(helper.make_node("Conv", given, [part], **_attributes(node)))
        if index:
            added = f"{out}_sum_{index}" if index < len(names) - 1 else out
            found.append(helper.make_node("Add", [total, part], [added]))
            part = added
        total = part
    return found


def _is_bilinear(node: NodeProto) -> bool:
    if node.op_type != "Resize":
        return False
    given = _attributes(node)
    grid = given.get("coordinate_transformation_mode", b"half_pixel")
    return given.get("mode") == b"linear" and grid in (b"half_pixel", b"pytorch_half_pixel")


def _attributes(node: NodeProto) -> dict[str, Any]:
    return {attribute.name: helper.get_attribute_value(attribute) for attribute in node.attribute}


def _used(nodes: Sequence[NodeProto], outputs: Iterable[str]) -> tuple[list[NodeProto], set[str]]:
    """The nodes on which the outputs depend, and the names of all that they take."""
    needed = set(outputs)
    kept = []
    for node in reversed(nodes):
        if needed & set(node.output):
            kept.append(node)
            needed |= set(node.input)
    return kept[::-1], needed


def _shapes(model: ModelProto) -> dict[str, tuple[int, ...]]:
    """Shape of every tensor of which all sides are known."""
    graph = shape_inference.infer_shapes(model, data_prop=True).graph
    found = {}
    for value in (*graph.input, *graph.value_info, *graph.output):
        sides = tuple(side.dim_value for side in value.type.tensor_type.shape.dim)
        if sides and all(sides):
            found[value.name] = sides
    return found
