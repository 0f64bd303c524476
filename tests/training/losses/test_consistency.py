import math

import pytest
import torch

from training.losses.consistency import consistency


def test_the_divergence_by_hand() -> None:
    first, second = (torch.logit(torch.tensor([[[[p]]]])) for p in (0.8, 0.5))
    expected = 0.8 * math.log(0.8 / 0.5) + 0.2 * math.log(0.2 / 0.5)
    assert consistency(first, second).item() == pytest.approx(expected, rel=1e-5)


def test_equal_answers_cost_nothing() -> None:
    logits = torch.randn(2, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    assert consistency(logits, logits).item() == pytest.approx(0, abs=1e-6)


def test_only_the_disturbed_view_is_taught() -> None:
    first, second = torch.zeros(1, 1, 1, 2, requires_grad=True), torch.ones(1, 1, 1, 2, requires_grad=True)
    consistency(first, second).backward()
    assert first.grad is None
    assert second.grad is not None and (second.grad > 0).all()  # down towards the plainer view's 0.5
