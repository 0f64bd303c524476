import math

import pytest
import torch

from training.config import LossConfig
from training.losses.student import student_losses


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


def _sample() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(3)
    logits, alpha = torch.randn(2, 1, 16, 16, generator=generator), torch.rand(2, 1, 16, 16, generator=generator)
    return logits, alpha, torch.ones_like(alpha), torch.ones(2)


@pytest.mark.parametrize("term", ["ohem", "laplacian", "distillation", "temporal", "consistency", "foreground"])
def test_a_further_term_enters_by_its_weight_and_is_left_out_without(term: str) -> None:
    logits, alpha, trust, weight = _sample()
    painted = torch.rand(2, 3, 16, 16), torch.rand(2, 4, 16, 16)
    others = {"earlier": (logits.flip(3), alpha.flip(2)), "second": logits.flip(2), "painted": painted}
    plain = student_losses(logits, alpha, trust, weight, LossConfig(), **others)
    assert set(plain) == {"loss", "bce", "dice", "band"}
    found = student_losses(logits, alpha, trust, weight, LossConfig(**{term: 2.0}), **others)
    assert set(found) - set(plain) == {term} and found[term].item() > 0.01
    assert found["loss"].item() == pytest.approx((plain["loss"] + 2 * found[term]).item(), rel=1e-6)


@pytest.mark.parametrize(
    ("term", "missing"), [("temporal", "frames before"), ("consistency", "second view"), ("foreground", "colours")]
)
def test_a_term_without_its_other_pass_says_so(term: str, missing: str) -> None:
    with pytest.raises(ValueError, match=missing):
        student_losses(*_sample(), LossConfig(**{term: 1.0}))
