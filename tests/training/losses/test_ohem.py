import math

import pytest
import torch

from training.losses.cross_entropy import cross_entropy
from training.losses.ohem import ohem


def _logits(probabilities: list[float]) -> torch.Tensor:
    return torch.logit(torch.tensor(probabilities)).view(1, 1, 1, -1)


def _ohem(probabilities: list[float], truths: list[float], trust: list[float], weights: list[float]) -> float:
    logits = _logits(probabilities)
    alpha, trusted, each = (torch.tensor(values).view(1, 1, 1, -1) for values in (truths, trust, weights))
    return ohem(cross_entropy(logits, alpha), logits, alpha, trusted, each).item()


def test_hard_pixels_by_hand() -> None:
    # Of a person: .9 is easy; .6 and .5 are below .7. The distrusted pixel is wrong and does not count.
    found = _ohem([0.9, 0.6, 0.5, 0.1], [1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 1.0, 0.0], [1.0] * 4)
    assert found == pytest.approx(-(math.log(0.6) + math.log(0.5)) / 2)
    # The same of the background, and by weight.
    found = _ohem([0.1, 0.4, 0.5], [0.0, 0.0, 0.0], [1.0] * 3, [1.0, 1.0, 3.0])
    assert found == pytest.approx(-(math.log(0.6) + 3 * math.log(0.5)) / 4)


def test_a_sixteenth_counts_though_none_is_hard() -> None:
    probabilities = [0.99] * 30 + [0.8, 0.9]
    found = _ohem(probabilities, [1.0] * 32, [1.0] * 32, [1.0] * 32)
    assert found == pytest.approx(-(math.log(0.8) + math.log(0.9)) / 2, rel=1e-5)  # 32 / 16 pixels


def test_a_soft_target_that_is_met_is_not_hard() -> None:
    # Its entropy, ln 2 or so, is high, yet its class is right by as much as can be asked.
    soft = _ohem([0.75] * 31 + [0.3], [0.75] * 31 + [1.0], [1.0] * 32, [1.0] * 32)
    assert soft == pytest.approx((-math.log(0.3) + _entropy(0.75)) / 2, rel=1e-4)


def _entropy(p: float) -> float:
    return -p * math.log(p) - (1 - p) * math.log(1 - p)


def test_without_a_trusted_pixel_it_is_zero_and_has_a_gradient() -> None:
    logits = _logits([0.5, 0.5]).requires_grad_()
    alpha = torch.ones_like(logits).detach()
    loss = ohem(cross_entropy(logits, alpha), logits, alpha, torch.zeros_like(alpha), torch.ones_like(alpha))
    loss.backward()
    assert loss.item() == 0 and logits.grad is not None and not logits.grad.any()
