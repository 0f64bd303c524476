"""Online hard example mining: the mean over the pixels that the student gets wrong."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from training.losses.mean import weighted_mean

HARD = -math.log(0.7)
"""A pixel is hard when its class gets less than 0.7."""
LEAST = 16
"""One trusted pixel of so many counts at least, the hardest first."""


def ohem(entropy: Tensor, logits: Tensor, alpha: Tensor, trust: Tensor, weights: Tensor) -> Tensor:
    """Weighted mean cross entropy of the hard trusted pixels, a scalar; 0 where no pixel is trusted.

    Hard is judged by class (alpha above or below 0.5): the entropy of a soft target is high even when it is met.
    Distrusted pixels, which look hard because their label is wrong, are never among them.

    Source: Shrivastava et al., CVPR 2016; threshold and least share of Alibaba's portrait segmentation.

    Args:
        entropy: `(B, 1, H, W)` of each pixel. logits, alpha, trust: `(B, 1, H, W)`; trusted is above 0.5.
        weights: `(B, 1, H, W)` >= 0 of the pixels in the mean; those of weight 0 are left out.
    """
    counted = (trust > 0.5) & (weights > 0)
    toward = torch.where(alpha > 0.5, logits, -logits).detach()[counted]
    if not len(toward):
        return entropy.sum() * 0
    hardness = functional.softplus(-toward)
    hard = (hardness > HARD).nonzero().flatten()
    least = max(len(hardness) // LEAST, 1)
    kept = hard if len(hard) >= least else hardness.topk(least).indices
    return weighted_mean(entropy[counted][kept], weights[counted][kept])
