"""The passes of one training step through the network: the frames, and what some losses compare them with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from training.models import States

Step = Callable[[Tensor, States], tuple[Tensor, States]]
"""`StudentModel.step`, or what a compiler made of it."""


@dataclass(frozen=True)
class Passes:
    """Logits `(B, 1, H, W)` of the frames, of the frames before and of the second views; None where there are none."""

    logits: Tensor
    earlier: Tensor | None
    second: Tensor | None


def run_passes(step: Step, frames: Tensor, earlier: Tensor, second: Tensor, carried: Tensor) -> Passes:
    """Run the network over a batch; a recurrent one goes from the frames before to the frames, two steps unrolled.

    Gradients flow back through both steps: with one step alone a recurrent student would never learn what to remember.

    Args:
        frames: `(B, 4, H, W)` float. earlier, second: the same, or `(0, 4, H, W)` where they are not wanted.
        carried: `(B,)` bool, samples that remember the frame before; the others are first frames.
    """
    states: States = ()
    before = None
    if len(earlier):
        before, states = step(earlier, ())
        kept = carried[:, None, None, None]
        states = tuple(state * kept for state in states)
    logits, _ = step(frames, states)
    return Passes(logits, before, step(second, states)[0] if len(second) else None)
