"""A small U-Net on MobileNetV2's blocks, as video services run it for virtual backgrounds."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.model_config import MobileNetUNetConfig
from training.models.base import StudentModel
from training.models.blocks import InvertedResidual, conv_norm, residuals, start_kernels, start_unsure


class MobileNetUNet(StudentModel):
    """Inverted residuals down to 1/32, concatenated skips up to 1/2, a sub-pixel head.

    Source: the trimmed MobileNetV2-U-Net that Alibaba describes for its virtual background; blocks of Sandler et al.
    (CVPR 2018), skips of Ronneberger et al. (U-Net, MICCAI 2015).
    """

    config: MobileNetUNetConfig

    def __init__(self, config: MobileNetUNetConfig) -> None:
        super().__init__()
        self.config = config
        channels, expansion = config.channels, config.expansion
        self.stem = conv_norm(4, channels[0], 3, stride=2)
        self.encoders = nn.ModuleList(
            residuals(channels[level - 1], channels[level], config.depths[level - 1], expansion)
            for level in (1, 2, 3, 4)
        )
        self.laterals = nn.ModuleList(conv_norm(channels[level + 1], channels[level], 1) for level in (3, 2, 1, 0))
        self.decoders = nn.ModuleList(
            InvertedResidual(2 * channels[level], channels[level], expansion=1) for level in (3, 2, 1, 0)
        )
        self.head = nn.Conv2d(channels[0], 4, 1)
        self.apply(start_kernels)
        start_unsure(self.head)

    @property
    def first(self) -> nn.Conv2d:
        convolution = self.stem[0]
        assert isinstance(convolution, nn.Conv2d)
        return convolution

    def forward(self, frame: Tensor) -> Tensor:
        """Foreground logits `(B, 1, H, W)` of `(B, 4, H, W)` float, H and W even: RGB 0-1 and the prior 0-1."""
        features = [self.stem(frame)]
        for encoder in self.encoders:
            features.append(encoder(features[-1]))
        merged = features.pop()
        for lateral, decoder in zip(self.laterals, self.decoders, strict=True):
            skip = features.pop()
            raised = functional.interpolate(lateral(merged), size=skip.shape[-2:], mode="bilinear", align_corners=False)
            merged = decoder(torch.cat([raised, skip], dim=1))
        return functional.pixel_shuffle(self.head(merged), 2)
