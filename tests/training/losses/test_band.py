import torch

from training.losses.band import boundary_band


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
