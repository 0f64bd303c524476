import math

import pytest
import torch

from training.models.recurrent import ConvGRU, DeepGuidedFilter, HalfMemory


def _constant(module: torch.nn.Module, bias: float) -> None:
    for convolution in module.modules():
        if isinstance(convolution, torch.nn.Conv2d):
            torch.nn.init.zeros_(convolution.weight)
            if convolution.bias is not None:
                torch.nn.init.constant_(convolution.bias, bias)


def test_the_gru_by_hand() -> None:
    gru = ConvGRU(2)
    _constant(gru.gates, 0.0)  # reset and update are 1/2
    _constant(gru.candidate, 1.0)
    x = torch.rand(1, 2, 3, 4)
    first = gru(x, None)
    assert torch.allclose(first, torch.full_like(x, 0.5 * math.tanh(1)))
    assert torch.allclose(gru(x, first), 0.5 * first + 0.5 * math.tanh(1))


def test_a_closed_gate_keeps_what_was_and_an_open_one_forgets_it() -> None:
    gru = ConvGRU(2)
    before = torch.rand(1, 2, 3, 4)
    for bias, expected in ((-20.0, before), (20.0, torch.zeros_like(before))):
        _constant(gru.gates, bias)
        _constant(gru.candidate, 0.0)
        assert torch.allclose(gru(torch.rand(1, 2, 3, 4), before), expected, atol=1e-6)


def test_half_the_channels_pass_as_they_are() -> None:
    x = torch.rand(1, 6, 3, 4)
    found, state = HalfMemory(6)(x, None)
    assert torch.equal(found[:, :3], x[:, :3]) and torch.equal(found[:, 3:], state)


def _filtered(slope: float) -> torch.Tensor:
    """Logits of a frame whose left half is dark and right half bright, from coarse logits of 0.25 everywhere."""
    sharpen = DeepGuidedFilter(4).eval()
    _constant(sharpen.slope[-1], slope)
    frame = torch.zeros(1, 4, 8, 16)
    frame[:, :3, :, 8:] = 0.9
    small = torch.nn.functional.avg_pool2d(frame, 2)
    logits, hidden = torch.full((1, 1, 4, 8), 0.25), torch.rand(1, 4, 4, 8)
    found: torch.Tensor = sharpen(frame, small, logits, hidden)
    return found


def test_without_a_slope_the_filter_only_enlarges() -> None:
    assert torch.allclose(_filtered(0.0), torch.full((1, 1, 8, 16), 0.25), atol=1e-6)


def test_with_a_slope_the_frames_edge_becomes_the_mattes() -> None:
    found = _filtered(2.0)
    step = found[0, 0, 4, 8] - found[0, 0, 4, 7]  # one pixel apart, though the coarse logits know no edge
    assert step.item() == pytest.approx(2.0 * 0.9, abs=0.5) and step > 1.0
    far = found[0, 0, 4, 0], found[0, 0, 4, 15]
    assert torch.allclose(torch.stack(far), torch.tensor(0.25), atol=1e-5), "away from an edge nothing changes"
