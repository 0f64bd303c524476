"""Differences of two mattes at all scales."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from training.losses.mean import weighted_mean

LEVELS = 5
BINOMIAL = (1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16)
SMALLEST = 3
"""Pixels a side that the kernel needs at least; smaller frames have fewer levels."""


def laplacian(alpha: Tensor, truth: Tensor, trust: Tensor, weight: Tensor) -> Tensor:
    """`sum over s of 2^s / 5 * L1` of the Laplacian pyramids' levels s = 0..4, a scalar.

    A distrusted pixel is given the truth's value in proportion, so that it makes no difference at any scale.

    Source: Hou and Liu, "Context-Aware Image Matting", ICCV 2019; weights of Lin et al., WACV 2022, equation 2.

    Args:
        alpha, truth, trust: `(B, 1, H, W)` float 0-1. weight: `(B,)` >= 0.
    """
    difference = (alpha - truth) * trust  # the pyramid is linear: that of the difference is the difference of both
    total = alpha.new_zeros(())
    for scale, level in enumerate(laplacian_pyramid(difference, LEVELS)):
        total = total + 2**scale / LEVELS * weighted_mean(level.abs().mean(dim=(1, 2, 3)), weight)
    return total


def laplacian_pyramid(x: Tensor, levels: int) -> list[Tensor]:
    """`levels` band passes of `(B, 1, H, W)`, each half the size of the one before; fewer where it gets too small."""
    found: list[Tensor] = []
    while len(found) < levels and min(x.shape[-2:]) >= SMALLEST:
        smooth = _smooth(x)
        found.append(x - smooth)
        x = smooth[..., ::2, ::2]
    return found


def _smooth(x: Tensor) -> Tensor:
    kernel = torch.tensor(BINOMIAL, dtype=x.dtype, device=x.device)
    padded = functional.pad(x, (2, 2, 2, 2), mode="reflect")
    rows = functional.conv2d(padded, kernel.view(1, 1, 5, 1))
    return functional.conv2d(rows, kernel.view(1, 1, 1, 5))
