"""A recurrent student: it remembers earlier frames in its decoder, and a learnt guided filter sharpens its edges."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.model_config import RecurrentConfig
from training.models.base import States, StudentModel
from training.models.blocks import conv_norm, residuals, start_kernels, start_unsure


class Recurrent(StudentModel):
    """Encoder, pooled context, a decoder half of whose channels are ConvGRUs, a deep guided filter.

    Source: Lin et al., "Robust High-Resolution Video Matting with Temporal Guidance", WACV 2022 (sections 3.1-3.3 and
    figure 2), written from the paper; a smaller encoder of MobileNetV2's blocks, and the prior as a fourth channel.
    """

    recurrent = True
    config: RecurrentConfig

    def __init__(self, config: RecurrentConfig) -> None:
        super().__init__()
        self.config = config
        channels, decoder = config.channels, config.decoder
        self.stem = conv_norm(4, channels[0], 3, stride=2)
        self.encoders = nn.ModuleList(
            residuals(channels[level - 1], channels[level], config.depths[level - 1], config.expansion)
            for level in (1, 2, 3)
        )
        self.context = Context(channels[3], config.context)
        self.memory = HalfMemory(config.context)
        widths = (config.context, *decoder)
        self.raises = nn.ModuleList(Raise(widths[index], channels[2 - index], widths[index + 1]) for index in range(3))
        self.last = nn.Sequential(conv_norm(decoder[2] + 4, decoder[3], 3), conv_norm(decoder[3], decoder[3], 3))
        self.head = nn.Conv2d(decoder[3], 1, 1)
        self.painter = nn.Conv2d(decoder[3], 3, 1) if config.foreground else None
        self.sharpen = DeepGuidedFilter(decoder[3]) if config.shrink > 1 else None
        self.apply(start_kernels)
        start_unsure(self.head)
        if self.painter is not None:
            assert self.painter.bias is not None
            for tensor in (self.painter.weight, self.painter.bias):
                nn.init.zeros_(tensor)  # at first the foreground is the frame

    @property
    def first(self) -> nn.Conv2d:
        convolution = self.stem[0]
        assert isinstance(convolution, nn.Conv2d)
        return convolution

    def forward(self, frame: Tensor) -> Tensor:
        """Logits `(B, 1, H, W)` of first frames `(B, 4, H, W)`: nothing is remembered."""
        return self.step(frame)[0]

    def step(self, frame: Tensor, states: States = ()) -> tuple[Tensor, States]:
        """Logits `(B, 1, H, W)` of the next frames `(B, 4, H, W)`, and four states for those after them.

        Args:
            states: what `step` returned for the frames before; empty for first frames.
        """
        logits, _, states = self._decode(frame, states)
        return logits, states

    def matte(self, frame: Tensor, states: States = ()) -> tuple[Tensor, Tensor, States]:
        """As `step`, with the person's own colours `(B, 3, H, W)` 0-1 in between: the frame and a learnt correction.

        The second task teaches where hair and glass let the background through; nothing but training asks for it.

        Raises:
            ValueError: the student was built without `foreground`.
        """
        if self.painter is None:
            raise ValueError("this student has no head for the foreground; set train.model.foreground")
        logits, hidden, states = self._decode(frame, states)
        return logits, (frame[:, :3] + _fitted(self.painter(hidden), frame)).clamp(0, 1), states

    def _decode(self, frame: Tensor, states: States) -> tuple[Tensor, Tensor, States]:
        small = _shrunk(frame, self.config.shrink)
        features = [self.stem(small)]
        for encoder in self.encoders:
            features.append(encoder(features[-1]))
        merged, state = self.memory(self.context(features.pop()), states[0] if states else None)
        kept = [state]
        for index, block in enumerate(self.raises, start=1):
            skip = features.pop()
            merged, state = block(merged, skip, _fitted(small, skip), states[index] if states else None)
            kept.append(state)
        hidden = self.last(torch.cat([_fitted(merged, small), small], dim=1))
        logits: Tensor = self.head(hidden)
        if self.sharpen is not None:
            logits = self.sharpen(frame, small, logits, hidden)
        return logits, hidden, tuple(kept)


class Context(nn.Module):
    """Features weighed by the pooled frame (the LR-ASPP of MobileNetV3): `(B, C, h, w)` to `(B, D, h, w)`."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.features = conv_norm(inputs, outputs, 1)
        self.gate = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        weighed: Tensor = self.features(x) * self.gate(x.mean(dim=(2, 3), keepdim=True)).sigmoid()
        return weighed


class ConvGRU(nn.Module):
    """`h' = (1 - z) h + z c`, with gates and candidate from 3x3 convolutions of input and state."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gates = nn.Conv2d(2 * channels, 2 * channels, 3, padding=1)
        self.candidate = nn.Conv2d(2 * channels, channels, 3, padding=1)

    def forward(self, x: Tensor, state: Tensor | None) -> Tensor:
        h = torch.zeros_like(x) if state is None else state
        reset, update = self.gates(torch.cat([x, h], dim=1)).sigmoid().chunk(2, dim=1)
        candidate = self.candidate(torch.cat([x, reset * h], dim=1)).tanh()
        following: Tensor = (1 - update) * h + update * candidate
        return following


class HalfMemory(nn.Module):
    """Half the channels pass, the other half are a ConvGRU: `(B, C, h, w)` to the same and the new state."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gru = ConvGRU(channels // 2)

    def forward(self, x: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        passing, remembering = x.chunk(2, dim=1)
        state = self.gru(remembering, state)
        return torch.cat([passing, state], dim=1), state


class Raise(nn.Module):
    """One level up: the level below, enlarged, with the encoder's skip and the small frame; then memory."""

    def __init__(self, inputs: int, skip: int, outputs: int) -> None:
        super().__init__()
        self.merge = conv_norm(inputs + skip + 4, outputs, 3)
        self.memory = HalfMemory(outputs)

    def forward(self, x: Tensor, skip: Tensor, frame: Tensor, state: Tensor | None) -> tuple[Tensor, Tensor]:
        merged = self.merge(torch.cat([_fitted(x, skip), skip, frame], dim=1))
        found: tuple[Tensor, Tensor] = self.memory(merged, state)
        return found


class DeepGuidedFilter(nn.Module):
    """Logits at the frame's size: locally linear in its luminance, the slope from learnt features.

    Source: Wu et al., "Fast End-to-End Trainable Guided Filter", CVPR 2018: the guided filter's box means as a
    convolution (here a fixed 3x3 box), its slope `cov / var` as two 1x1 convolutions that also see hidden features.
    """

    def __init__(self, hidden: int) -> None:
        super().__init__()
        self.slope = nn.Sequential(conv_norm(hidden + 2, hidden, 1), nn.Conv2d(hidden, 1, 1))

    def forward(self, frame: Tensor, small: Tensor, logits: Tensor, hidden: Tensor) -> Tensor:
        """`(B, 1, H, W)` of the frame `(B, 4, H, W)` and `(B, 4, h, w)`, `(B, 1, h, w)`, `(B, D, h, w)` at its size."""
        guide = _luminance(small)
        mean_x, mean_y = _box(guide), _box(logits)
        covariance = _box(guide * logits) - mean_x * mean_y
        variance = _box(guide * guide) - mean_x * mean_x
        slope = self.slope(torch.cat([covariance, variance, hidden], dim=1))
        offset = mean_y - slope * mean_x
        return _fitted(slope, frame) * _luminance(frame) + _fitted(offset, frame)


def _box(x: Tensor) -> Tensor:
    return functional.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


def _luminance(frame: Tensor) -> Tensor:
    return frame[:, :3].mean(dim=1, keepdim=True)


def _shrunk(frame: Tensor, factor: int) -> Tensor:
    return functional.avg_pool2d(frame, factor, ceil_mode=True) if factor > 1 else frame


def _fitted(x: Tensor, like: Tensor) -> Tensor:
    return functional.interpolate(x, size=like.shape[-2:], mode="bilinear", align_corners=False)
