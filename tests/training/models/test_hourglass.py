import pytest
import torch
from pydantic import ValidationError

from training.config import HourglassConfig
from training.models.hourglass import Hourglass


def test_default_student_is_small_and_keeps_the_frames_size() -> None:
    model = Hourglass(HourglassConfig()).eval()
    logits = model(torch.zeros(2, 4, 144, 256))
    assert logits.shape == (2, 1, 144, 256)
    assert 4 * sum(parameter.numel() for parameter in model.parameters()) < 2_000_000  # bytes


@pytest.mark.parametrize("tier", ["XS", "S", "L"])
def test_every_tier_fills_the_cpus_vectors(tier: str) -> None:
    config = HourglassConfig.model_validate({"tier": tier})
    assert not any(channels % 16 for channels in (*config.channels, *config.squeeze, config.growth))


def test_any_multiple_of_four_works_even_where_the_deep_levels_are_odd() -> None:
    model = Hourglass(HourglassConfig()).eval()
    assert model(torch.zeros(1, 4, 72, 124)).shape == (1, 1, 72, 124)


def test_the_prior_is_seen() -> None:
    torch.manual_seed(0)
    model = Hourglass(HourglassConfig(height=32, width=64)).eval()
    frame = torch.rand(1, 4, 32, 64)
    emptied = frame.clone()
    emptied[:, 3] = 0
    assert not torch.equal(model(frame), model(emptied))


def test_every_parameter_learns() -> None:
    torch.manual_seed(0)
    model = Hourglass(HourglassConfig(height=32, width=64))
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.ones_(module.weight)  # residual branches start at zero, which blocks their first gradient
    model(torch.rand(2, 4, 32, 64)).square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters() if p.ndim > 1)


def test_a_size_that_the_stem_cannot_divide_is_refused() -> None:
    with pytest.raises(ValidationError, match="multiples of 8"):
        HourglassConfig(height=100)
