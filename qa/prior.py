"""Does a student use its prior, the mask of the frame before, as it should: neither ignore it nor worship it?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from datasets.images import Grey

PRIORS = ("true", "empty", "shifted", "stranger", "ones")
"""What is put into the fourth channel: the truth of the frame before (of a single frame its own), nothing, that truth
moved aside by `SHIFT`, another video's truth, a frame full of person."""
WRONG = ("shifted", "stranger", "ones")

SHIFT = 20 / 256
"""How far a shifted prior is moved, as a fraction of the frame's width: 20 pixels of the usual 256."""
EFFECT = 0.002
"""A student whose answer changes by less than this part of the person's area, whatever the prior, ignores it."""
LOSS = 0.1
"""A student that loses more IoU than this to a wrong prior, compared with none, worships it."""
SLACK = 0.02
"""Recovered: within this much IoU of a student that begins anew."""
PATIENCE = 5.0
"""A student that needs more frames than this to recover from a cut, on average, worships its prior."""

Verdict = Literal["fine", "ignores", "worships"]


@dataclass(frozen=True)
class PriorLock:
    """What priors do to a student.

    Attributes:
        iou: mean IoU under each of `PRIORS`.
        effect: mean over the frames of how much alpha changes between the true, the empty and the full prior, as a
            fraction of the person's area.
        recovery: mean number of frames after a cut until the student is as good as one that begins anew; NaN: no cuts.
        frames, cuts: how many were looked at.
    """

    iou: Mapping[str, float]
    effect: float
    recovery: float
    frames: int
    cuts: int

    @property
    def loss(self) -> float:
        """IoU lost to the worst of the wrong priors, compared with none."""
        return self.iou["empty"] - min(self.iou[name] for name in WRONG)

    @property
    def verdict(self) -> Verdict:
        """`ignores`, `worships` or `fine`."""
        if self.effect < EFFECT:
            return "ignores"
        slow = not math.isnan(self.recovery) and self.recovery > PATIENCE
        return "worships" if self.loss > LOSS or slow else "fine"


def moved_aside(alpha: Grey) -> Grey:
    """The mask `SHIFT` of its width further right; what enters on the left is background."""
    distance = max(round(SHIFT * alpha.shape[1]), 1)
    moved = np.zeros_like(alpha)
    moved[:, distance:] = alpha[:, :-distance]
    return moved


def effect(alphas: Mapping[str, Grey], truth: Grey) -> float:
    """Largest change of alpha between the true, the empty and the full prior, in areas of the person.

    Args:
        alphas: the student's answer under each prior, `(H, W)` uint8. truth: `(H, W)` uint8.
    """
    area = max(float(truth.sum(dtype=np.int64)), 255.0)
    base = alphas["empty"].astype(np.int16)
    changes = (np.abs(alphas[name].astype(np.int16) - base).sum(dtype=np.int64) for name in ("true", "ones"))
    return max(float(change) / area for change in changes)


def frames_to_recover(after_cut: Sequence[float], anew: Sequence[float]) -> int:
    """Frames after a cut that are worse than begun anew by more than `SLACK`, up to the last such frame.

    Args:
        after_cut: IoU of each frame after a cut, with what came before still in the prior. anew: begun without.
    """
    behind = [index for index, (now, fresh) in enumerate(zip(after_cut, anew, strict=True)) if now < fresh - SLACK]
    return behind[-1] + 1 if behind else 0
