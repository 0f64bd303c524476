"""What all families of students promise."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn

from training.model_config import FamilyConfig

States = tuple[Tensor, ...]
"""What a recurrent student remembers of earlier frames, `(B, C, h, w)` each; empty: nothing yet."""


class StudentModel(nn.Module):
    """A network from `(B, 4, H, W)`, RGB 0-1 and the prior 0-1, to foreground logits `(B, 1, H, W)`.

    H and W are those of its config or half of them. Every family builds on its own `first` convolution, which touches
    the frame, and `head`, whose output becomes the mask.

    Attributes:
        config: its shape. recurrent: whether `step` remembers. head: the last convolution that has weights.
        deepens_by: blocks that start as nothing, so that a deeper student can go on where a shallower one was.
    """

    recurrent: ClassVar[bool] = False
    deepens_by: ClassVar[tuple[type[nn.Module], ...]] = ()
    config: FamilyConfig
    head: nn.Conv2d

    @property
    def first(self) -> nn.Conv2d:
        """The convolution that touches the frame."""
        raise NotImplementedError

    def step(self, frame: Tensor, states: States = ()) -> tuple[Tensor, States]:
        """Logits of the next frame of a video and what to remember; a stateless student remembers nothing."""
        return self(frame), ()


def advance(model: nn.Module, frame: Tensor, states: States) -> tuple[Tensor, States]:
    """`StudentModel.step` of any network of frames: one that is no student remembers nothing."""
    return model.step(frame, states) if isinstance(model, StudentModel) else (model(frame), ())
