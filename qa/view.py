"""What the signals look at: one frame, its label and its votes, all brought to one small working size."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.clips import Clip
from datasets.images import Grey, Image, decode_grey, decode_rgb, reduction_to
from datasets.schema import LabelRow, VoteRow
from qa.metrics import Mask, as_mask, boundary, boundary_match, boundary_tolerance, within
from stages.paste import paste

Box = Sequence[float]
"""`[x0, y0, x1, y1]` as fractions of the frame."""


WHOLE = [0.0, 0.0, 1.0, 1.0]
"""The window that is the whole frame."""
BAND_WIDTH = 0.02
"""Half-width of the band around a boundary, as a fraction of the diagonal: core and band are judged apart."""


Bits = NDArray[np.uint64]
"""`(3, N)` uint64, a bit a pixel: many masks are compared with each other a word at a time."""


@dataclass(frozen=True)
class Outline:
    """A mask and what follows from its boundary. All arrays are `(H, W)` bool, computed when first asked for."""

    mask: Mask

    @cached_property
    def edge(self) -> Mask:
        """The 1 px boundary."""
        return boundary(self.mask)

    @cached_property
    def near(self) -> Mask:
        """What lies within boundary F's tolerance of the boundary."""
        return within(self.edge, boundary_tolerance(self.mask.shape))

    @cached_property
    def band(self) -> Mask:
        """What lies within the band's half-width of the boundary."""
        return within(self.edge, self.radius)

    @cached_property
    def bits(self) -> Bits:
        """Mask, edge and near as rows of bits."""
        packed = [np.packbits(plane.ravel()) for plane in (self.mask, self.edge, self.near)]
        rows = np.zeros((3, -(-packed[0].size // 8) * 8), np.uint8)
        rows[:, : packed[0].size] = packed
        return rows.view(np.uint64)

    @property
    def radius(self) -> int:
        """Half-width of the band in pixels, at least 2."""
        return max(2, round(BAND_WIDTH * math.hypot(*self.mask.shape)))

    def match(self, other: Outline) -> float:
        """Boundary F with another outline."""
        return boundary_match(self.edge, self.near, other.edge, other.near)


@dataclass(frozen=True)
class View:
    """One frame at working size.

    Attributes:
        image: `(H, W, 3)` uint8 RGB.
        trust: `(H, W)` uint8, the label's trust.
        label: outline of the fused alpha at 0.5.
        unknown: fraction of pixels in the trimap's unknown band, from `fuse`.
        votes: `(H, W)` uint8 probability per teacher that did not abstain, imported annotations left out.
        boxes, scores: persons, best first; None where the detector has nothing to say.
        annotation: the imported mask, or None.
        detail: the label at its own resolution (how jagged an outline is cannot be seen at working size), or None.
    """

    image: Image
    trust: Grey
    label: Outline
    unknown: float = 0.0
    votes: Mapping[str, Grey] = field(default_factory=dict)
    boxes: Sequence[Box] | None = None
    scores: Sequence[float] = ()
    annotation: Mask | None = None
    detail: Mask | None = None

    @property
    def fine(self) -> Mask:
        """The label at its own resolution; at working size where no other is known."""
        return self.label.mask if self.detail is None else self.detail

    @property
    def shape(self) -> tuple[int, int]:
        return self.label.mask.shape[0], self.label.mask.shape[1]

    @property
    def diagonal(self) -> float:
        """Length of the diagonal in pixels of the working size."""
        return float(np.hypot(*self.shape))

    @cached_property
    def gradient(self) -> NDArray[np.float32]:
        """`(H, W)` float32: gradient of the picture's luma."""
        luma = cv2.GaussianBlur(cv2.cvtColor(self.image, cv2.COLOR_RGB2GRAY), (0, 0), 1.0)
        # not cv2.magnitude: its last bit depends on where the array lies in memory
        return np.hypot(cv2.Sobel(luma, cv2.CV_32F, 1, 0), cv2.Sobel(luma, cv2.CV_32F, 0, 1))

    @cached_property
    def edges(self) -> NDArray[np.float32]:
        """`(H, W)` float32 0-1: the gradient, 1 from its own 90th percentile upwards."""
        strength = self.gradient
        rank = int(0.9 * (strength.size - 1))
        return np.asarray(np.clip(strength / max(float(np.partition(strength.ravel(), rank)[rank]), 1.0), 0, 1))

    @cached_property
    def near_edges(self) -> NDArray[np.float32]:
        """`edges`, the strongest within one pixel: an outline may lie a pixel beside the edge at working size."""
        return np.asarray(cv2.dilate(self.edges, np.ones((3, 3), np.uint8)), dtype=np.float32)

    @cached_property
    def outlines(self) -> tuple[Outline, ...]:
        """One outline per voting teacher, in the order of the names."""
        return tuple(Outline(as_mask(vote)) for vote in self.votes.values())

    @cached_property
    def agreement(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """IoU and boundary F, each `(T + 1, T + 1)`, of the label (first) and all teachers."""
        bits = np.stack([outline.bits for outline in (self.label, *self.outlines)])
        masks, edges, near = bits[:, 0], bits[:, 1], bits[:, 2]
        both, hits = _common(masks, masks), _common(edges, near)
        areas, lengths = np.diag(both), np.diag(_common(edges, edges))[:, None]
        union = areas[:, None] + areas - both
        ious = np.where(union > 0, both / np.maximum(union, 1), 1.0)
        precision = hits / np.maximum(lengths, 1)
        total = precision + precision.T
        fs = np.where(total > 0, 2 * precision * precision.T / np.maximum(total, 1e-12), 0.0)
        return ious, np.where((lengths == 0) | (lengths.T == 0), np.asarray((lengths == lengths.T), np.float64), fs)

    @cached_property
    def ayes(self) -> NDArray[np.float32]:
        """`(H, W)` float32 0-1: the share of the teachers that see foreground; all zero when none voted."""
        if not self.outlines:
            return np.zeros(self.shape, np.float32)
        return np.asarray(np.mean([outline.mask for outline in self.outlines], axis=0), dtype=np.float32)


def centroid(mask: Mask) -> NDArray[np.float64] | None:
    """`(x, y)` of the centre of a mask's area in pixels; None where it is empty."""
    ones = mask.astype(np.float32)
    # sums of less than 2²⁴ ones: exact
    columns, rows = np.ones(len(ones), np.float32) @ ones, ones @ np.ones(ones.shape[1], np.float32)
    area = float(np.sum(columns, dtype=np.float64))
    if not area:
        return None
    return (
        np.asarray([columns @ np.arange(columns.size, dtype=np.float64), rows @ np.arange(rows.size, dtype=np.float64)])
        / area
    )


def _common(first: Bits, second: Bits) -> NDArray[np.float64]:
    """`(M, N)`: how many bits `(M, W)` and `(N, W)` rows have in common."""
    counts = np.bitwise_count(first[:, None] & second[None])
    return np.asarray(counts.sum(axis=2), np.float64)


def view_of(clip: Clip, index: int, *, side: int, annotators: Collection[str] = ()) -> View:
    """The view of frame `index` of a burst; `side` is the working size's longest side in pixels.

    Raises:
        ValueError: the burst has no frame or no label there.
    """
    frame, label, boxes = clip.frames[index], clip.labels[index], clip.boxes[index]
    if frame is None or label is None:
        missing = "frame" if frame is None else "label"
        raise ValueError(f"{clip.describe()}: no {missing} at index {index}; run the earlier stages again")
    width, height = working_size(label, side)
    alpha = decode_grey(label.alpha)
    reduction = reduction_to(frame.width, frame.height, frame.width / width)
    votes = {}
    for teacher in clip.votes:
        vote = clip.votes[teacher][index]
        pasted = _pasted(vote, width, height) if vote and teacher not in annotators else None
        if pasted is not None:
            votes[teacher] = pasted
    return View(
        image=_shrunk(decode_rgb(frame.image, reduction=reduction), width, height),
        trust=_shrunk(decode_grey(label.trust), width, height),
        label=Outline(as_mask(_shrunk(alpha, width, height))),
        unknown=label.unknown,
        votes=votes,
        boxes=boxes.boxes if boxes else None,
        scores=boxes.scores if boxes else (),
        annotation=as_mask(_shrunk(decode_grey(frame.mask), width, height)) if frame.mask else None,
        detail=as_mask(alpha),
    )


def working_size(label: LabelRow, side: int) -> tuple[int, int]:
    """Width and height of a label shrunk until its longest side is at most `side`; never enlarged."""
    scale = min(1.0, side / max(label.width, label.height))
    return max(1, round(label.width * scale)), max(1, round(label.height * scale))


def _shrunk(pixels: Image | Grey, width: int, height: int) -> NDArray[np.uint8]:
    if pixels.shape[:2] == (height, width):
        return pixels
    shrinks = pixels.shape[0] > height or pixels.shape[1] > width
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, (width, height), interpolation=way), dtype=np.uint8)


def _pasted(vote: VoteRow, width: int, height: int) -> Grey | None:
    """As `stages.paste.paste`; maps of the whole frame, which most are, take a fifth of its time."""
    if len(vote.maps) == 1 and list(vote.windows[0]) == WHOLE:
        return _shrunk(decode_grey(vote.maps[0]), width, height)
    return paste(vote, width, height)
