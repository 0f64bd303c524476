"""The combiner's network in torch, for fitting it: the same convolutions that `stages.combiner_graph` runs."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from stages.combiner import BOUND
from stages.combiner_graph import CONVOLUTIONS
from stages.combiner_planes import plane_count

WIDTHS = (16, 24, 32, 32)
"""Channels at 1/2, 1/4, 1/8 and 1/16 of the grid."""
PIXEL = 24
"""Channels in which every pixel answers."""
_SURE = 0.02


class CombinerNetwork(nn.Module):
    """Planes `(B, P, H, W)` → answers `(B, slots + 1, H, W)`, H and W multiples of 16. Starts at answers of 0."""

    def __init__(self, slots: int) -> None:
        super().__init__()
        planes = plane_count(slots)
        one, two, three, four = WIDTHS
        channels = {
            "down1": (planes, one),
            "down2": (one, two),
            "down3": (two, three),
            "deep3": (three, three),
            "down4": (three, four),
            "deep4": (four, four),
            "whole": (four, four),
            "up3": (four + three, three),
            "up2": (three + two, two),
            "up1": (two + one, one),
            "pixel": (one + planes, PIXEL),
            "answer": (PIXEL, slots + 1),
        }
        for name, (entering, leaving) in channels.items():
            kernel, stride = CONVOLUTIONS[name]
            convolution = nn.Conv2d(entering, leaving, kernel, stride, kernel // 2)
            nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
            nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
            self.add_module(name, convolution)
        nn.init.zeros_(self.get_parameter("answer.weight"))

    def forward(self, planes: Tensor) -> Tensor:
        """Unbounded preferences and residual, `(B, slots + 1, H, W)`."""
        first = self._relu("down1", planes)
        second = self._relu("down2", first)
        third = self._relu("deep3", self._relu("down3", second))
        fourth = self._relu("deep4", self._relu("down4", third))
        fourth = fourth + self._relu("whole", fourth.mean(dim=(2, 3), keepdim=True))
        third = self._relu("up3", torch.cat([_doubled(fourth), third], 1))
        second = self._relu("up2", torch.cat([_doubled(third), second], 1))
        first = self._relu("up1", torch.cat([_doubled(second), first], 1))
        pixel = self._relu("pixel", torch.cat([_doubled(first), planes], 1))
        return self.get_submodule("answer")(pixel)  # type: ignore[no-any-return]

    def _relu(self, name: str, values: Tensor) -> Tensor:
        return functional.relu(self.get_submodule(name)(values))

    def tensors(self) -> dict[str, NDArray[np.float32]]:
        """Weights and biases by name, as `stages.combiner_graph` wants them."""
        return {name: value.detach().numpy().copy() for name, value in self.named_parameters()}


def combine(votes: Tensor, weights: Tensor, answer: Tensor) -> tuple[Tensor, Tensor]:
    """As `stages.combiner.combined`, for a batch in which every teacher has a slot.

    Args:
        votes: `(B, T, H, W)`, 0-1. weights: `(B, T)`, sum 1, 0 for a teacher that abstains.
        answer: `(B, T + 1, H, W)` of the network.

    Returns:
        Logits `(B, H, W)` of the foreground, and the bounded answer.
    """
    bounded = BOUND * torch.tanh(answer / BOUND)
    shares = weights[:, :, None, None] * torch.exp(bounded[:, :-1])
    mixed = (shares * votes).sum(1) / shares.sum(1)
    return torch.logit(mixed.clamp(_SURE, 1 - _SURE)) + bounded[:, -1], bounded


def _doubled(values: Tensor) -> Tensor:
    return functional.interpolate(values, scale_factor=2.0, mode="bilinear", align_corners=False)
