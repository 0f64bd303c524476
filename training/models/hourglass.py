"""The student: a 4-channel hourglass that segments a frame, given the previous frame's mask as its fourth channel."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.model_config import HourglassConfig
from training.models.base import StudentModel
from training.models.blocks import conv_norm, start_kernels, start_unsure


class Bottleneck(nn.Module):
    """Residual block: 1x1 squeeze, 3x3 between the squeezed channels, 1x1 expansion. Keeps `(B, C, H, W)`."""

    def __init__(self, channels: int, squeezed: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            conv_norm(channels, squeezed, 1),
            conv_norm(squeezed, squeezed, 3),
            conv_norm(squeezed, channels, 1, activate=False),
        )

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(x + self.branch(x))


class Downsample(nn.Module):
    """A bottleneck of stride 2 beside a pooled shortcut: `(B, C, H, W)` to `(B, D, ceil(H / 2), ceil(W / 2))`."""

    def __init__(self, channels: int, widened: int, squeezed: int) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            conv_norm(channels, squeezed, 1),
            conv_norm(squeezed, squeezed, 3, stride=2),
            conv_norm(squeezed, widened, 1, activate=False),
        )
        self.shortcut = nn.Sequential(
            nn.MaxPool2d(2, 2, ceil_mode=True), conv_norm(channels, widened, 1, activate=False)
        )

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.shortcut(x) + self.branch(x))


class Hourglass(StudentModel):
    """Encoder-decoder with squeezed bottlenecks, additive skips and dense refinement at 1/4 of the resolution.

    Speed on a CPU follows memory traffic rather than FLOPs, hence: a stem of large kernel and stride on few channels,
    3x3 convolutions only between squeezed channels, and a sub-pixel head instead of decoder levels above 1/4.

    Source: the video-segmentation network of Google's "Mobile Real-time Video Segmentation" (2018), scaled down;
    sub-pixel head of Shi et al. (CVPR 2016).
    """

    deepens_by = (Bottleneck,)
    config: HourglassConfig

    def __init__(self, config: HourglassConfig) -> None:
        super().__init__()
        self.config = config
        channels, squeeze, depths = config.channels, config.squeeze, config.depths
        self.stem = nn.Sequential(
            nn.Conv2d(4, channels[0], 5, stride=4, padding=1, bias=False),
            nn.BatchNorm2d(channels[0]),
            nn.ReLU(inplace=True),
            *(Bottleneck(channels[0], squeeze[0]) for _ in range(depths[0])),
        )
        self.encoders = nn.ModuleList(
            nn.Sequential(
                Downsample(channels[level - 1], channels[level], squeeze[level]),
                *(Bottleneck(channels[level], squeeze[level]) for _ in range(depths[level])),
            )
            for level in (1, 2, 3)
        )
        self.laterals = nn.ModuleList(conv_norm(channels[level + 1], channels[level], 1) for level in (2, 1, 0))
        self.decoders = nn.ModuleList(Bottleneck(channels[level], squeeze[level]) for level in (2, 1, 0))
        grown = [channels[0] + index * config.growth for index in range(config.refinements + 1)]
        self.refinements = nn.ModuleList(conv_norm(width, config.growth, 3) for width in grown[:-1])
        self.head = nn.Conv2d(grown[-1], 16, 1)
        self.apply(_initialise)
        start_unsure(self.head)

    @property
    def first(self) -> nn.Conv2d:
        convolution = self.stem[0]
        assert isinstance(convolution, nn.Conv2d)
        return convolution

    def forward(self, frame: Tensor) -> Tensor:
        """Foreground logits of frames.

        Args:
            frame: `(B, 4, H, W)` float, H and W multiples of 4: RGB 0-1 and the prior, the previous frame's alpha 0-1
                (zeros: there is none).

        Returns:
            `(B, 1, H, W)` float logits; their sigmoid is the alpha.
        """
        features = [self.stem(frame)]
        for encoder in self.encoders:
            features.append(encoder(features[-1]))
        merged = features.pop()
        for lateral, decoder in zip(self.laterals, self.decoders, strict=True):
            skip = features.pop()
            raised = functional.interpolate(lateral(merged), size=skip.shape[-2:], mode="bilinear", align_corners=False)
            merged = decoder(raised + skip)
        for refinement in self.refinements:
            merged = torch.cat([merged, refinement(merged)], dim=1)
        return functional.pixel_shuffle(self.head(merged), 4)


def _initialise(module: nn.Module) -> None:
    start_kernels(module)
    if isinstance(module, Bottleneck):
        # Residual branches start at zero, so the deep net starts as a shallow one and learns quickly.
        last = module.branch[-1]
        assert isinstance(last, nn.Sequential)
        nn.init.zeros_(last[1].weight)  # type: ignore[arg-type]
