"""Bursts whose true masks are imported as annotations, a share of them damaged (see `qa.annotators`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from fused import Labelled

from datasets.clips import Clip
from datasets.images import encode_png
from datasets.schema import VoteRow
from qa.annotators import annotate
from qa.metrics import Mask

TEACHER = "annotation"


@dataclass(frozen=True)
class Annotated:
    """A burst with imported masks.

    Attributes:
        labelled: the burst. masks: `(H, W)` bool at label size, one a frame.
        kinds: what damaged each mask, or "".
    """

    labelled: Labelled
    masks: tuple[Mask, ...]
    kinds: tuple[str, ...]

    def heard(self) -> Clip:
        """The burst with its masks imported and voting, as the pipeline's annotation does."""
        return heard(self.labelled.clip, [encode_png(mask.astype(np.uint8) * 255) for mask in self.masks])


def heard(clip: Clip, masks: Sequence[bytes]) -> Clip:
    """The clip with masks (PNG, one a frame) imported and voting, as the pipeline's annotation does."""
    frames = tuple(replace(frame, mask=mask) for frame, mask in zip(clip.frames, masks, strict=True) if frame)
    votes = tuple(
        VoteRow(
            source=frame.source,
            clip=frame.clip,
            burst=frame.burst,
            time_us=frame.time_us,
            teacher=TEACHER,
            windows=[[0.0, 0.0, 1.0, 1.0]],
            maps=[frame.mask],
        )
        for frame in frames
    )
    return Clip(frames, clip.joined, {**clip.votes, TEACHER: votes})


def imported(bursts: Sequence[Labelled], share: float, rng: np.random.Generator) -> list[Annotated]:
    """One set's bursts with `share` of their frames' masks damaged. Errors as of `qa.annotators.annotate`."""
    found = annotate([burst.truths for burst in bursts], share, rng)
    return [
        Annotated(burst, tuple(one.mask for one in drawn), tuple(one.kind for one in drawn))
        for burst, drawn in zip(bursts, found, strict=True)
    ]
