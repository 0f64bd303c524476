"""The fused label's own doubt, taught at a higher temperature."""

import torch
from torch import Tensor
from torch.nn import functional

from training.losses.mean import weighted_mean

SUREST = 1 / 512
"""Half a step of 8 bits: a label of 0 or 255 is no surer than that."""


def distillation(logits: Tensor, alpha: Tensor, weights: Tensor, temperature: float) -> Tensor:
    """`T^2 mean(w KL(p_T || q_T))` of the ensemble's soft label p and the student q, logits divided by T; a scalar.

    At T = 1 this is the cross entropy up to a constant; above, the label's small probabilities weigh more.

    Source: Hinton et al., "Distilling the Knowledge in a Neural Network", 2015, section 2.

    Args:
        logits: `(B, 1, H, W)`. alpha: `(B, 1, H, W)` soft label 0-1. weights: `(B, 1, H, W)` >= 0. temperature: > 0.
    """
    taught = torch.logit(alpha, eps=SUREST) / temperature
    softened = taught.sigmoid()
    cross = functional.binary_cross_entropy_with_logits(logits / temperature, softened, reduction="none")
    least = functional.binary_cross_entropy_with_logits(taught, softened, reduction="none")
    return temperature**2 * weighted_mean(cross - least, weights)
