"""Labels with truth, as the judge sees them: fused labels, and teachers' raw votes as if they were labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.clips import Clip
from datasets.images import Grey, Image, decode_grey, encode_png
from datasets.schema import FrameRow, LabelRow
from qa.burst_signals import burst_signals
from qa.metrics import boundary_f, iou
from qa.standard import is_good
from qa.temporal_signals import Tracks
from qa.view import View, view_of
from stages.base import Drop
from stages.fuse import Fuse, label_size
from stages.paste import paste


@dataclass(frozen=True)
class Example:
    """One label with truth.

    Attributes:
        signals: by name. iou, boundary_f: with truth, at the truth's own size.
        rated: what another way to score labels says, see `examples_of`; NaN where none was asked for.
    """

    signals: dict[str, float]
    iou: float
    boundary_f: float
    rated: float = math.nan

    @property
    def good(self) -> bool:
        """By the judge's definition."""
        return is_good(self.iou, self.boundary_f)


class AlphaFuse(Fuse):
    """Stage `fuse` without the foreground's colours, which the judge does not look at."""

    def colours(self, image: Image, alpha: NDArray[np.float32]) -> Image:
        return image


def fused(fuse: Fuse, clip: Clip) -> Clip:
    """The burst with its fused labels; frames that fusion drops get empty labels."""
    labels = tuple(
        label_of(frame, np.zeros(label_size(frame.width, frame.height, fuse.config.longest_side)[::-1], np.uint8))
        if isinstance(label, Drop) and frame is not None
        else label
        for frame, label in zip(clip.frames, fuse.process(clip), strict=True)
    )
    return replace(clip, joined={**clip.joined, LabelRow: tuple(one for one in labels if isinstance(one, LabelRow))})


def as_label(clip: Clip, teacher: str, longest_side: int) -> Clip:
    """The burst with one teacher's raw votes as its labels, its votes left out: nobody judges himself."""
    labels = []
    for frame, vote in zip(clip.frames, clip.votes[teacher], strict=True):
        assert frame is not None
        width, height = label_size(frame.width, frame.height, longest_side)
        grey = paste(vote, width, height) if vote is not None else None
        labels.append(label_of(frame, np.zeros((height, width), np.uint8) if grey is None else grey))
    votes = {name: rows for name, rows in clip.votes.items() if name != teacher}
    return Clip(clip.rows, {**clip.joined, LabelRow: tuple(labels)}, votes)


def views_of(clip: Clip, side: int) -> list[View]:
    """The views of a burst with labels."""
    return [view_of(clip, index, side=side) for index in range(len(clip))]


def examples_of(
    clip: Clip,
    views: Sequence[View],
    truths: Sequence[bytes],
    *,
    tracks: Tracks | None = None,
    rate: Callable[[View], float] | None = None,
) -> list[Example]:
    """One example a frame of a burst with labels; `truths` are 8-bit grey PNGs of the frames' shape.

    `views` are the burst's, `tracks` the flow between them, where it is known already. `rate` is another way to score a
    label, from the same inputs, that the judge is compared with.
    """
    examples = []
    for row, view, signals, truth in zip(clip.labels, views, burst_signals(views, tracks=tracks), truths, strict=True):
        assert row is not None
        exact, alpha = decode_grey(truth), decode_grey(row.alpha)
        label = _sized(alpha, exact.shape[1], exact.shape[0])
        rated = rate(view) if rate else math.nan
        examples.append(Example(signals, iou(label, exact), boundary_f(label, exact), rated))
    return examples


def label_of(frame: FrameRow, alpha: Grey) -> LabelRow:
    """A label that no `fuse` made: `alpha` `(H, W)` uint8, trusted everywhere."""
    return LabelRow(
        source=frame.source,
        clip=frame.clip,
        burst=frame.burst,
        time_us=frame.time_us,
        width=alpha.shape[1],
        height=alpha.shape[0],
        alpha=encode_png(alpha),
        trust=encode_png(np.full_like(alpha, 255)),
        foreground=b"",
        strategy="",
        keyed=False,
        unknown=0.0,
        teachers=[],
    )


def _sized(alpha: Grey, width: int, height: int) -> Grey:
    if alpha.shape == (height, width):
        return alpha
    way = cv2.INTER_AREA if alpha.shape[0] > height else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(alpha, (width, height), interpolation=way), np.uint8)
