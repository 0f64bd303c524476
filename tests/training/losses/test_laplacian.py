import pytest
import torch

from training.losses.laplacian import laplacian, laplacian_pyramid


def _stripes(size: int = 16) -> torch.Tensor:
    return (torch.arange(size) % 2).float().expand(1, 1, size, size).contiguous()


def test_stripes_of_one_pixel_live_at_the_finest_scale_alone() -> None:
    # (1 4 6 4 1) / 16 of 0 1 0 1 0 is 8/16: smooth is 1/2 everywhere, the finest level +-1/2, the coarser ones nothing.
    found = laplacian_pyramid(_stripes(), 5)
    assert torch.allclose(found[0].abs(), torch.full_like(found[0], 0.5))
    assert all(torch.allclose(level, torch.zeros_like(level), atol=1e-6) for level in found[1:])
    truth = torch.zeros(1, 1, 16, 16)
    assert laplacian(_stripes(), truth, truth + 1, torch.ones(1)).item() == pytest.approx(0.5 / 5)


def test_an_impulse_by_hand() -> None:
    # Mirrored at the edges, the middle pixel of three sees (1 + 6 + 1) / 16 of itself, and each neighbour (4 + 4) / 16:
    # half in each direction, a quarter in both.
    x = torch.zeros(1, 1, 3, 3)
    x[..., 1, 1] = 1
    expected = x[0, 0] - 0.25
    (finest,) = laplacian_pyramid(x, 5)
    assert torch.allclose(finest[0, 0], expected)


def test_coarser_scales_weigh_more() -> None:
    # Stripes of two pixels survive the first smoothing in part; charged at weights 1/5, 2/5, ...
    wide = ((torch.arange(32) // 2) % 2).float().expand(1, 1, 32, 32).contiguous()
    levels = laplacian_pyramid(wide, 5)
    by_hand = sum(2**scale / 5 * level.abs().mean().item() for scale, level in enumerate(levels))
    assert levels[1].abs().mean() > 0.01
    zeros = torch.zeros_like(wide)
    assert laplacian(wide, zeros, zeros + 1, torch.ones(1)).item() == pytest.approx(by_hand)


def test_an_offset_is_no_edge_and_distrust_and_weightless_frames_do_not_matter() -> None:
    truth = torch.rand(2, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    ones = torch.ones_like(truth)
    assert laplacian(truth + 0.25, truth, ones, torch.ones(2)).item() == pytest.approx(0, abs=1e-5)
    trust = ones.clone()
    trust[:, :, :8] = 0
    spoilt = truth.clone()
    spoilt[:, :, :8] = 1 - spoilt[:, :, :8]
    assert laplacian(spoilt, truth, trust, torch.ones(2)).item() == 0
    spoilt[1] = 0.5
    assert laplacian(spoilt, truth, trust, torch.tensor([1.0, 0.0])).item() == 0


def test_frames_too_small_for_five_levels_have_fewer() -> None:
    assert [tuple(level.shape[-2:]) for level in laplacian_pyramid(torch.zeros(1, 1, 16, 32), 5)] == [
        (16, 32), (8, 16), (4, 8)
    ]  # fmt: skip
