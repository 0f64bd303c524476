import math

import pytest
import torch

from training.losses.cross_entropy import cross_entropy
from training.losses.distillation import distillation

ONES = torch.ones(1, 1, 1, 1)


def test_at_temperature_two_by_hand() -> None:
    # A label of .8 has logit ln 4, halved ln 2, so it teaches 2/3; a student at logit 0 says 1/2 at any temperature.
    expected = 4 * (2 / 3 * math.log((2 / 3) / 0.5) + 1 / 3 * math.log((1 / 3) / 0.5))
    found = distillation(0 * ONES, 0.8 * ONES, ONES, 2.0)
    assert found.item() == pytest.approx(expected, rel=1e-5)


def test_a_met_label_costs_nothing_and_a_sure_one_is_finite() -> None:
    assert distillation(math.log(4) * ONES, 0.8 * ONES, ONES, 2.0).item() == pytest.approx(0, abs=1e-6)
    assert math.isfinite(distillation(-3 * ONES, ONES, ONES, 2.0).item())


def test_at_temperature_one_its_gradient_is_that_of_cross_entropy() -> None:
    logits = torch.randn(1, 1, 3, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
    alpha = torch.full((1, 1, 3, 3), 0.6)
    weights = torch.ones_like(alpha)
    (soft,) = torch.autograd.grad(distillation(logits, alpha, weights, 1.0), logits)
    (hard,) = torch.autograd.grad(cross_entropy(logits, alpha).mean(), logits)
    assert torch.allclose(soft, hard, atol=1e-6)


def test_distrusted_pixels_do_not_matter() -> None:
    logits, alpha = torch.tensor([[[[0.0, 9.0]]]]), torch.tensor([[[[0.8, 0.0]]]])
    first = distillation(logits, alpha, torch.tensor([[[[1.0, 0.0]]]]), 2.0)
    assert first.item() == pytest.approx(distillation(0 * ONES, 0.8 * ONES, ONES, 2.0).item())
