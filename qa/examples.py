"""Labels with truth, as the judge sees them: fused labels, and teachers' raw votes as if they were labels."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.clips import Clip
from datasets.images import Grey, decode_grey, decode_rgb, encode_jpeg, encode_png
from datasets.schema import BoxRow, FrameRow, LabelRow
from qa.burst_signals import burst_signals
from qa.judge import is_good
from qa.metrics import boundary_f, iou
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


def fused(fuse: Fuse, clip: Clip) -> Clip:
    """The burst with its fused labels; frames that fusion drops get empty labels."""
    labels = tuple(
        _label(frame, np.zeros(label_size(frame.width, frame.height, fuse.config.longest_side)[::-1], np.uint8))
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
        labels.append(_label(frame, np.zeros((height, width), np.uint8) if grey is None else grey))
    votes = {name: rows for name, rows in clip.votes.items() if name != teacher}
    return Clip(clip.rows, {**clip.joined, LabelRow: tuple(labels)}, votes)


def views_of(clip: Clip, side: int) -> list[View]:
    """The views of a burst with labels."""
    return [view_of(clip, index, side=side) for index in range(len(clip))]


def examples_of(
    clip: Clip, truths: Sequence[bytes], side: int, rate: Callable[[View], float] | None = None
) -> list[Example]:
    """One example a frame of a burst with labels; `truths` are 8-bit grey PNGs of the frames' shape.

    `rate` is another way to score a label, from the same inputs, that the judge is compared with.
    """
    examples = []
    views = views_of(clip, side)
    for row, view, signals, truth in zip(clip.labels, views, burst_signals(views), truths, strict=True):
        assert row is not None
        exact, alpha = decode_grey(truth), decode_grey(row.alpha)
        label = _sized(alpha, exact.shape[1], exact.shape[0])
        rated = rate(view) if rate else math.nan
        examples.append(Example(signals, iou(label, exact), boundary_f(label, exact), rated))
    return examples


def panned(
    clip: Clip, truths: Sequence[bytes], rng: np.random.Generator, *, frames: int = 4, side: int = 400
) -> tuple[Clip, list[bytes]]:
    """A photo with its votes as a short burst: a window of it that moves on a straight way, as a camera would pan.

    Votes are exact where they are (their windows move), so nothing is voted anew. The burst is of `frames` frames with
    the longest side `side`. Where footage is scarce this is what lag and flicker are learnt on.
    """
    (frame,), (boxes,) = clip.frames, clip.boxes
    assert frame is not None
    image, exact = decode_rgb(frame.image), decode_grey(truths[0])
    share = float(rng.uniform(0.75, 0.88))
    room, speed = 1 - share, float(rng.uniform(0.2, 1.0))
    angle = float(rng.uniform(0, 2 * np.pi))
    steps = np.linspace(-0.5, 0.5, frames)[:, None] * speed * np.asarray([np.cos(angle), np.sin(angle)]) * room
    corners = np.clip(room / 2 + steps, 0, room)
    rows, seen, votes = [], [], {name: [] for name in clip.votes}
    cut_truths = []
    for step, (x, y) in enumerate(corners):
        window = (float(x), float(y), float(x) + share, float(y) + share)
        width, height = label_size(round(share * frame.width), round(share * frame.height), side)
        shown = _cut(image, window, width, height)
        row = replace(frame, time_us=step * 40_000, width=width, height=height, image=encode_jpeg(shown))
        rows.append(row)
        cut_truths.append(encode_png(_cut(exact, window, width, height)))
        if boxes is not None:
            seen.append(_moved_boxes(boxes, row, window))
        for name, ballot in clip.votes.items():
            vote = ballot[0]
            votes[name].append(
                None
                if vote is None
                else replace(vote, time_us=row.time_us, windows=[_into(one, window) for one in vote.windows])
            )
    joined = {BoxRow: tuple(seen)} if seen else {}
    return Clip(tuple(rows), joined, {name: tuple(found) for name, found in votes.items()}), cut_truths


def _moved_boxes(boxes: BoxRow, row: FrameRow, window: Sequence[float]) -> BoxRow:
    moved = [np.clip(_into(box, window), 0, 1).tolist() for box in boxes.boxes]
    kept = [index for index, box in enumerate(moved) if box[2] - box[0] > 0.02 and box[3] - box[1] > 0.02]
    return replace(
        boxes,
        time_us=row.time_us,
        boxes=[moved[index] for index in kept],
        scores=[boxes.scores[index] for index in kept],
        support=[boxes.support[index] for index in kept],
    )


def _into(box: Sequence[float], window: Sequence[float]) -> list[float]:
    """A box in fractions of the frame as fractions of a window of it."""
    x, y, wide, high = window[0], window[1], window[2] - window[0], window[3] - window[1]
    return [(box[0] - x) / wide, (box[1] - y) / high, (box[2] - x) / wide, (box[3] - y) / high]


def _cut(pixels: NDArray[np.uint8], window: Sequence[float], width: int, height: int) -> NDArray[np.uint8]:
    """The window's pixels at `width` × `height`, without a shift: centres lie at half-integers."""
    rows, columns = pixels.shape[:2]
    scale_x, scale_y = (window[2] - window[0]) * columns / width, (window[3] - window[1]) * rows / height
    matrix = np.asarray(
        [
            [scale_x, 0, window[0] * columns + 0.5 * scale_x - 0.5],
            [0, scale_y, window[1] * rows + 0.5 * scale_y - 0.5],
        ]
    )
    if scale_x > 1:
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), 0.4 * scale_x), np.uint8)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(pixels, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE))


def _label(frame: FrameRow, alpha: Grey) -> LabelRow:
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
