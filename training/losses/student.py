"""All that the student is charged with: named scalars and their weighted sum."""

from __future__ import annotations

import torch
from torch import Tensor

from training.config import LossConfig
from training.losses.band import boundary_band
from training.losses.consistency import consistency
from training.losses.cross_entropy import cross_entropy
from training.losses.dice import soft_dice
from training.losses.distillation import distillation
from training.losses.foreground import foreground
from training.losses.laplacian import laplacian
from training.losses.mean import weighted_mean
from training.losses.ohem import ohem
from training.losses.temporal import temporal


def student_losses(
    logits: Tensor,
    alpha: Tensor,
    trust: Tensor,
    weight: Tensor,
    config: LossConfig,
    band_weight: Tensor | None = None,
    *,
    earlier: tuple[Tensor, Tensor] | None = None,
    second: Tensor | None = None,
    painted: tuple[Tensor, Tensor] | None = None,
) -> dict[str, Tensor]:
    """Every term as a named scalar, and their weighted sum as `loss`.

    A label may be right about who is there and wrong about the outline: pixels of the boundary band count by
    `band_weight`, the others by `weight`. Terms beyond cross entropy, Dice and band are left out at weight 0.

    Args:
        logits: `(B, 1, H, W)` float.
        alpha: `(B, 1, H, W)` float, soft target 0-1.
        trust: `(B, 1, H, W)` float 0-1; 0 ignores the pixel.
        weight: `(B,)` float >= 0, of the frame's group.
        band_weight: `(B,)` float >= 0, the same in the band; None: `weight`.
        earlier: logits and alpha of the frames before, for `temporal`.
        second: logits of a more disturbed view of the frames, for `consistency`.
        painted: `(B, 3, H, W)` colours found and `(B, 4, H, W)` the right ones, 0-1, and whether they are known, for
            `foreground`.

    Raises:
        ValueError: a term has a weight, and what it compares with is missing.
    """
    band = boundary_band(alpha, config.band_radius)
    edge = (weight if band_weight is None else band_weight)[:, None, None, None]
    pixel_weight = trust * torch.where(band > 0, edge, weight[:, None, None, None])
    entropy = cross_entropy(logits, alpha)
    probability = logits.sigmoid()
    terms = {
        "bce": weighted_mean(entropy, pixel_weight),
        "dice": weighted_mean(soft_dice(probability, alpha, trust), weight),
        "band": weighted_mean(entropy, pixel_weight * band),
    }
    loss = config.bce * terms["bce"] + config.dice * terms["dice"] + config.band * terms["band"]
    further: dict[str, Tensor] = {}
    if config.ohem:
        further["ohem"] = ohem(entropy, logits, alpha, trust, pixel_weight)
    if config.laplacian:
        further["laplacian"] = laplacian(probability, alpha, trust, weight)
    if config.distillation:
        further["distillation"] = distillation(logits, alpha, pixel_weight, config.temperature)
    if config.temporal:
        if earlier is None:
            raise ValueError("loss.temporal has a weight: expected logits and alpha of the frames before")
        further["temporal"] = temporal(probability, earlier[0].sigmoid(), alpha, earlier[1], pixel_weight)
    if config.consistency:
        if second is None:
            raise ValueError("loss.consistency has a weight: expected logits of a second view")
        further["consistency"] = consistency(logits, second)
    if config.foreground:
        if painted is None:
            raise ValueError("loss.foreground has a weight: expected colours found and the right ones")
        found, right = painted
        further["foreground"] = foreground(found, right[:, :3], alpha, pixel_weight * right[:, 3:])
    for name, value in further.items():
        loss = loss + getattr(config, name) * value
    return {"loss": loss, **terms, **further}
