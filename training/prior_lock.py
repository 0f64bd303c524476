"""Put right and wrong masks into a student's prior and see what becomes of its answers, see `qa.prior`."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from datasets.images import Grey, Image
from qa.metrics import iou
from qa.prior import PRIORS, PriorLock, effect, frames_to_recover, moved_aside
from training.evaluation_set import MeasuredBurst
from training.letterbox import resize

BURSTS = 16
"""Bursts of each set that are looked at, spread evenly."""
LONGEST = 512
"""Longest side in pixels at which they are kept: twice what a student sees, and a fraction of the memory."""


class Primed(Protocol):
    """A student whose prior can be set from outside: `training.runtime.Student`, or a toy."""

    def reset(self) -> None:
        """Forget all that came before."""

    def prime(self, prior: Grey) -> None:
        """Forget all that came before, and take this `(H, W)` mask for the alpha of the frame before."""

    def __call__(self, image: Image) -> Grey:
        """Alpha `(H, W)` uint8 of the next frame `(H, W, 3)` uint8, which becomes the prior."""


def prior_lock(student: Primed, bursts: Sequence[MeasuredBurst]) -> PriorLock:
    """How the student takes priors, over the frames of `bursts`, and cuts, from each burst to the next.

    A burst's first frame has no frame before and is left out; of a single frame the prior is its own truth, as if
    nothing had moved.

    Raises:
        ValueError: there are no bursts.
    """
    if not bursts:
        raise ValueError("no bursts to try priors on")
    scores: dict[str, list[float]] = defaultdict(list)
    effects = []
    for burst, other in zip(bursts, [*bursts[1:], bursts[0]], strict=True):
        stranger = resize(other.truths[0], _size(burst)) if len(bursts) > 1 else burst.truths[0][:, ::-1]
        for index in range(min(1, len(burst.images) - 1), len(burst.images)):
            image, truth = burst.images[index], burst.truths[index]
            alphas = _answers(student, image, burst.truths[max(index - 1, 0)], np.ascontiguousarray(stranger))
            effects.append(effect(alphas, truth))
            for name in PRIORS:
                scores[name].append(iou(alphas[name], truth))
    recoveries = [_recovery(student, before, after) for before, after in itertools.pairwise(bursts)]
    return PriorLock(
        iou={name: float(np.mean(values)) for name, values in scores.items()},
        effect=float(np.mean(effects)),
        recovery=float(np.mean(recoveries)) if recoveries else math.nan,
        frames=len(effects),
        cuts=len(recoveries),
    )


def described(lock: PriorLock) -> dict[str, Any]:
    """As JSON: a recovery that was not measured is None."""
    return {
        "iou": {name: lock.iou[name] for name in PRIORS},
        "effect": lock.effect,
        "loss": lock.loss,
        "recovery_frames": None if math.isnan(lock.recovery) else lock.recovery,
        "frames": lock.frames,
        "cuts": lock.cuts,
        "verdict": lock.verdict,
    }


class SpreadBursts:
    """Keeps about `BURSTS` bursts of each set, spread evenly, from a stream of them.

    Args:
        counts: how many bursts each set has.
    """

    def __init__(self, counts: Mapping[str, int]) -> None:
        self._every = {name: max(1, math.ceil(count / BURSTS)) for name, count in counts.items()}
        self._seen: dict[str, int] = defaultdict(int)
        self.kept: dict[str, list[MeasuredBurst]] = {name: [] for name in counts}

    def add(self, burst: MeasuredBurst) -> None:
        """Look at the next burst."""
        if self._seen[burst.set] % self._every[burst.set] == 0:
            self.kept[burst.set].append(_small(burst))
        self._seen[burst.set] += 1


def _small(burst: MeasuredBurst) -> MeasuredBurst:
    """The burst at `LONGEST` pixels at most, without what others say about it."""
    height, width = _size(burst)
    scale = min(1.0, LONGEST / max(height, width))
    size = (max(round(height * scale), 1), max(round(width * scale), 1))
    images = tuple(resize(image, size) for image in burst.images)
    return replace(burst, images=images, truths=tuple(resize(truth, size) for truth in burst.truths), methods={})


def _answers(student: Primed, image: Image, before: Grey, stranger: Grey) -> dict[str, Grey]:
    masks = {
        "true": before,
        "empty": np.zeros_like(before),
        "shifted": moved_aside(before),
        "stranger": stranger,
        "ones": np.full_like(before, 255),
    }
    found = {}
    for name in PRIORS:
        student.prime(masks[name])
        found[name] = student(image)
    return found


def _recovery(student: Primed, before: MeasuredBurst, after: MeasuredBurst) -> int:
    """Frames that `after` needs to recover from a cut out of `before`."""
    student.reset()
    anew = [iou(student(image), truth) for image, truth in zip(after.images, after.truths, strict=True)]
    student.reset()
    for image in before.images:
        student(image)
    cut = [iou(student(image), truth) for image, truth in zip(after.images, after.truths, strict=True)]
    return frames_to_recover(cut, anew)


def _size(burst: MeasuredBurst) -> tuple[int, int]:
    return burst.truths[0].shape[0], burst.truths[0].shape[1]
