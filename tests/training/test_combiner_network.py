"""The network that is fitted is the network that runs."""

from __future__ import annotations

import numpy as np
import onnxruntime as ort
import torch

from stages.combiner import combined
from stages.combiner_graph import onnx_bytes
from stages.combiner_planes import Scene, plane_count
from stages.reliability import Shot
from training.combiner_network import CombinerNetwork, combine

SLOTS = ("a", "b", "c")


def network() -> CombinerNetwork:
    torch.manual_seed(0)
    made = CombinerNetwork(len(SLOTS))
    torch.nn.init.normal_(made.get_parameter("answer.weight"), std=0.5)
    return made


def test_torch_and_onnx_give_the_same_answers() -> None:
    made = network()
    planes = np.random.default_rng(0).normal(size=(1, plane_count(3), 32, 48)).astype(np.float32)
    session = ort.InferenceSession(onnx_bytes(made.tensors()), providers=["CPUExecutionProvider"])
    (found,) = session.run(["answer"], {"planes": planes})
    with torch.no_grad():
        expected = made(torch.from_numpy(planes)).numpy()
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_an_unfitted_network_answers_zero() -> None:
    with torch.no_grad():
        assert CombinerNetwork(3)(torch.randn(2, plane_count(3), 16, 16)).abs().max() == 0


def test_fitting_and_running_combine_alike() -> None:
    rng = np.random.default_rng(0)
    votes = rng.uniform(0.05, 0.95, (3, 16, 16)).astype(np.float32)
    weights = np.array([0.2, 0.3, 0.5], np.float32)
    answer = rng.normal(0, 3, (4, 16, 16)).astype(np.float32)
    scene = Scene(np.zeros((16, 16, 3), np.uint8), SLOTS, votes, weights, [], [], Shot(1, 0, 0))
    logits, _ = combine(*(torch.from_numpy(part)[None] for part in (votes, weights, answer)))
    np.testing.assert_allclose(torch.sigmoid(logits)[0].numpy(), combined(scene, SLOTS, answer), atol=1e-5)


def test_there_are_less_than_a_hundred_thousand_parameters() -> None:
    assert sum(values.size for values in CombinerNetwork(5).tensors().values()) < 100_000
