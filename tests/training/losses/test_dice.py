import pytest
import torch

from training.losses.dice import soft_dice


def test_soft_dice_by_hand() -> None:
    probability = torch.tensor([[[[1.0, 0.5, 0.0]]]])
    alpha = torch.tensor([[[[1.0, 0.0, 0.0]]]])
    everywhere = torch.ones_like(alpha)
    # shared 1, squares 1.25 + 1, one pixel of smoothing
    assert soft_dice(probability, alpha, everywhere).item() == pytest.approx(1 - 3 / 3.25)
    assert soft_dice(alpha, alpha, everywhere).item() == pytest.approx(0.0)
    assert soft_dice(torch.zeros_like(alpha), torch.zeros_like(alpha), everywhere).item() == pytest.approx(0.0)


def test_soft_target_is_matched_without_cost() -> None:
    soft = torch.full((1, 1, 4, 4), 0.5)
    assert soft_dice(soft, soft, torch.ones_like(soft)).item() == pytest.approx(0.0)
