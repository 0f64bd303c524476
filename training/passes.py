"""The passes of one training step through the network: the frames, and what some losses compare them with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

from training.models import States

Step = Callable[[Tensor, States], tuple[Tensor, States]]
"""`StudentModel.step`, or what a compiler made of it."""
Matte = Callable[[Tensor, States], tuple[Tensor, Tensor, States]]
"""`Recurrent.matte`, likewise."""


@dataclass(frozen=True)
class Passes:
    """Logits `(B, 1, H, W)` of the frames, of the frames before and of the second views; None where there are none.

    `painted` `(B, 3, H, W)` are the foreground's colours, of a student that was asked for them.
    """

    logits: Tensor
    earlier: Tensor | None
    second: Tensor | None
    painted: Tensor | None


def run_passes(
    step: Step, frames: Tensor, earlier: Tensor, second: Tensor, carried: Tensor, *, matte: Matte | None = None
) -> Passes:
    """Run the network over a batch; a recurrent one goes from the frames before to the frames, two steps unrolled.

    Gradients flow back through both steps: with one step alone a recurrent student would never learn what to remember.

    Args:
        frames: `(B, 4, H, W)` float. earlier, second: the same, or `(0, 4, H, W)` where they are not wanted.
        carried: `(B,)` bool, samples that remember the frame before; the others are first frames.
        matte: asked instead of `step` for the frames themselves, where their colours are wanted.
    """
    states: States = ()
    before = None
    if len(earlier):
        before, states = step(earlier, ())
        kept = carried[:, None, None, None]
        states = tuple(state * kept for state in states)
    painted = None
    if matte is None:
        logits, _ = step(frames, states)
    else:
        logits, painted, _ = matte(frames, states)
    return Passes(logits, before, step(second, states)[0] if len(second) else None, painted)
