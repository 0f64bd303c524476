import torch

from training.losses.mean import weighted_mean


def test_weighted_mean_without_any_weight_is_zero() -> None:
    assert weighted_mean(torch.ones(3), torch.zeros(3)).item() == 0
