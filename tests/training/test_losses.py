import math

import pytest
import torch

from training.config import LossConfig
from training.losses import boundary_band, soft_dice, student_losses, weighted_mean


def test_boundary_band_of_a_half_plane_is_radius_wide_on_both_sides() -> None:
    alpha = torch.zeros(1, 1, 6, 12)
    alpha[..., 6:] = 1
    band = boundary_band(alpha, 2)
    assert band[0, 0, 0].tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0]


def test_boundary_band_equals_dilation_minus_erosion() -> None:
    alpha = (torch.rand(3, 1, 20, 24, generator=torch.Generator().manual_seed(1)) > 0.9).float()
    pool = torch.nn.functional.max_pool2d
    expected = pool(alpha, 7, 1, 3) + pool(-alpha, 7, 1, 3)
    assert torch.equal(boundary_band(alpha, 3), expected)


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


def test_distrusted_pixels_and_weightless_frames_do_not_matter() -> None:
    torch.manual_seed(0)
    logits, alpha = torch.randn(2, 1, 8, 8), (torch.rand(2, 1, 8, 8) > 0.5).float()
    trust = torch.ones_like(alpha)
    trust[..., :4] = 0
    weight = torch.tensor([1.0, 0.0])
    config = LossConfig()
    expected = student_losses(logits, alpha, trust, weight, config)
    other = logits.clone()
    other[0, :, :, :4] = 9.0
    other[1] = -9.0
    found = student_losses(other, alpha, trust, weight, config)
    assert all(torch.allclose(found[name], expected[name]) for name in expected)


def test_loss_is_the_weighted_sum_and_bce_is_ln2_at_zero() -> None:
    alpha = torch.zeros(1, 1, 8, 8)
    alpha[..., 4:] = 1
    ones = torch.ones_like(alpha)
    losses = student_losses(torch.zeros_like(alpha), alpha, ones, torch.ones(1), LossConfig(bce=2, dice=3, band=5))
    assert losses["bce"].item() == pytest.approx(math.log(2))
    assert losses["band"].item() == pytest.approx(math.log(2))
    total = 2 * losses["bce"] + 3 * losses["dice"] + 5 * losses["band"]
    assert losses["loss"].item() == pytest.approx(total.item())


def test_the_band_counts_by_its_own_weight() -> None:
    alpha = torch.zeros(2, 1, 4, 8)
    alpha[..., 4:] = 1
    logits = torch.zeros_like(alpha)
    logits[:, :, :, 3:5] = 2.0  # the band of radius 1, right on one side and wrong on the other
    config = LossConfig(bce=1, dice=0, band=0, band_radius=1)
    weight, band_weight = torch.tensor([1.0, 1.0]), torch.tensor([0.5, 0.5])
    loss = student_losses(logits, alpha, torch.ones_like(alpha), weight, config, band_weight)["bce"].item()
    wrong, right = math.log(1 + math.exp(2)), math.log(1 + math.exp(-2))
    # a row: six pixels beyond the band at weight 1, two in it at weight 1/2
    assert loss == pytest.approx((6 * math.log(2) + 0.5 * (wrong + right)) / 7)
    # a frame without weight in the band has no say in the band's own term
    logits[1] = -9.0
    found = [
        student_losses(other, alpha, torch.ones_like(alpha), weight, config, torch.tensor([1.0, 0.0]))["band"]
        for other in (logits, logits[:1].expand(2, -1, -1, -1))
    ]
    assert torch.equal(*found)


def test_without_weights_of_its_own_the_band_counts_as_the_rest() -> None:
    torch.manual_seed(0)
    logits, alpha = torch.randn(2, 1, 8, 8), (torch.rand(2, 1, 8, 8) > 0.5).float()
    weight = torch.tensor([1.0, 0.3])
    plain, apart = (
        student_losses(
            logits,
            alpha,
            torch.rand(2, 1, 8, 8, generator=torch.Generator().manual_seed(2)),
            weight,
            LossConfig(),
            band,
        )
        for band in (None, weight)
    )
    assert all(torch.equal(plain[name], apart[name]) for name in plain)


def test_weighted_mean_without_any_weight_is_zero() -> None:
    assert weighted_mean(torch.ones(3), torch.zeros(3)).item() == 0
