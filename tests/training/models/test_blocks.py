import pytest
import torch

from training.models.blocks import InvertedResidual, conv_norm, residuals


@pytest.mark.parametrize(
    ("inputs", "outputs", "stride", "shortcut"), [(4, 4, 1, True), (4, 6, 1, False), (4, 4, 2, False)]
)
def test_a_shortcut_only_where_the_shape_stays(inputs: int, outputs: int, stride: int, shortcut: bool) -> None:
    block = InvertedResidual(inputs, outputs, stride=stride, expansion=2).eval()
    torch.nn.init.zeros_(block.branch[-1][1].weight)  # the branch says nothing
    x = torch.randn(2, inputs, 5, 7)
    found = block(x)
    assert found.shape == (2, outputs, -(-5 // stride), -(-7 // stride))
    assert torch.equal(found, x) if shortcut else not found.any()


def test_the_projection_is_linear_and_the_middle_is_depthwise() -> None:
    block = InvertedResidual(4, 8, expansion=3)
    assert len(block.branch[-1]) == 2, "no ReLU after the last convolution"
    assert block.branch[1][0].weight.shape == (12, 1, 3, 3)
    assert (block(torch.randn(4, 4, 8, 8)) < 0).any()


def test_only_the_first_of_several_shrinks() -> None:
    assert residuals(4, 8, 3, 2)(torch.randn(1, 4, 9, 8)).shape == (1, 8, 5, 4)
    assert conv_norm(4, 8, 5, stride=4)(torch.randn(1, 4, 16, 8)).shape == (1, 8, 4, 2)
