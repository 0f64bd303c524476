"""What a batch consists of, and how samples become one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from datasets.images import Grey
from training.prior import Kind


@dataclass(frozen=True)
class Batch:
    """Tensors of one training step; all maps uint8.

    Attributes:
        frames: `(B, 4, H, W)` RGB and prior. alpha, trust: `(B, 1, H, W)`.
        weight, band_weight: `(B,)` float32, of the label's group, in the core and in the band around the contour.
        group: `(B,)` int64, index of the label's group in `datasets.schema.GROUPS`.
        own: `(N,)` int64, samples whose prior is to be the student's own output on the frame before.
        before: `(N, 4, H, W)` that frame, with an empty prior.
        earlier, earlier_alpha: `(B, 4, H, W)`, `(B, 1, H, W)` the frame before of every sample, with an empty prior;
            `(0, ...)` unless `TrainConfig.looks_back`. carried: `(B,)` bool, samples that are no first frames.
        second: `(B, 4, H, W)` a more disturbed view of the frames; `(0, ...)` unless `TrainConfig.looks_twice`.
        foreground: `(B, 4, H, W)` the person's own colours, and 255 where they are known; `(0, ...)` unless
            `loss.foreground` has a weight.
    """

    frames: Tensor
    alpha: Tensor
    trust: Tensor
    weight: Tensor
    band_weight: Tensor
    group: Tensor
    own: Tensor
    before: Tensor
    earlier: Tensor
    earlier_alpha: Tensor
    carried: Tensor
    second: Tensor
    foreground: Tensor


@dataclass(frozen=True)
class Sample:
    """One sample before it joins a batch, all `(H, W)` or `(H, W, C)` uint8.

    Attributes:
        frame: RGB and prior. alpha, trust: its label. weight, band_weight, group: of the label's group.
        kind: of the prior. before, before_alpha: the frame before, or None where nobody asked for it.
        shown: 255 where the frame shows something. second: a more disturbed view. painted: the person's own colours.
    """

    frame: NDArray[np.uint8]
    alpha: NDArray[np.uint8]
    trust: NDArray[np.uint8]
    weight: float
    band_weight: float
    group: int
    kind: Kind
    before: NDArray[np.uint8] | None
    before_alpha: NDArray[np.uint8] | None
    shown: Grey
    second: NDArray[np.uint8] | None
    painted: NDArray[np.uint8] | None


def collate(samples: Sequence[Sample], *, looks_back: bool) -> Batch:
    """The batch of `samples`, all of one size; with the frames before of all of them if `looks_back`."""
    own = [index for index, sample in enumerate(samples) if sample.kind == "own"]
    size = samples[0].alpha.shape
    earlier = [sample.before for sample in samples if looks_back]
    earlier_alpha = [sample.before_alpha for sample in samples if looks_back]
    return Batch(
        frames=_channels_first(np.stack([sample.frame for sample in samples])),
        alpha=torch.from_numpy(np.stack([sample.alpha for sample in samples])[:, None]),
        trust=torch.from_numpy(np.stack([sample.trust for sample in samples])[:, None]),
        weight=torch.tensor([sample.weight for sample in samples], dtype=torch.float32),
        band_weight=torch.tensor([sample.band_weight for sample in samples], dtype=torch.float32),
        group=torch.tensor([sample.group for sample in samples], dtype=torch.int64),
        own=torch.tensor(own, dtype=torch.int64),
        before=_frames([samples[index].before for index in own], size),
        earlier=_frames(earlier, size),
        earlier_alpha=_frames([alpha[..., None] for alpha in earlier_alpha if alpha is not None], size, channels=1),
        carried=torch.tensor([sample.kind != "empty" for sample in samples]),
        second=_frames([sample.second for sample in samples], size),
        foreground=_frames([sample.painted for sample in samples], size),
    )


def _frames(frames: Sequence[NDArray[np.uint8] | None], size: tuple[int, ...], *, channels: int = 4) -> Tensor:
    """`(N, C, H, W)` of the frames there are, `(H, W, C)` each."""
    found = [frame for frame in frames if frame is not None]
    return _channels_first(np.stack(found)) if found else torch.zeros((0, channels, *size), dtype=torch.uint8)


def _channels_first(frames: NDArray[np.uint8]) -> Tensor:
    return torch.from_numpy(frames).permute(0, 3, 1, 2)
