"""What changes from step to step of a training run: the learning rate and the size of the frames."""

from __future__ import annotations

import math

from training.config import TrainConfig


def rate_share(step: int, config: TrainConfig) -> float:
    """Fraction of the peak learning rates for step `step` (from 0).

    A linear warm-up, the peak while frames are coarse, then half a cosine down to 1 %: whole frames look different
    enough that a rate already lowered would leave them half learnt.
    """
    if step < config.warmup_steps:
        return (step + 1) / config.warmup_steps
    start = max(config.warmup_steps, config.coarse_steps)
    if step < start:
        return 1.0
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min((step - start) / max(config.steps - start, 1), 1)))


def training_size(step: int, config: TrainConfig) -> tuple[int, int]:
    """`(height, width)` of the frames of step `step` (from 0): half the student's for the first `coarse_steps`.

    A quarter of the pixels is a quarter of the time, and what a person looks like is learnt as well on small frames;
    only edges need the rest of the steps.
    """
    divisor = 2 if step < config.coarse_steps else 1
    return config.model.height // divisor, config.model.width // divisor
