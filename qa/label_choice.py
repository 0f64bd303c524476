"""Which label a curated frame gets: the fused one, the keyed one, the footage's own annotation, or a person's."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.images import decode_grey, decode_rgb, encode_jpeg, encode_png
from datasets.reviews import Decision, label_digest
from datasets.schema import FrameRow, LabelRow, QualityRow
from qa.annotations import DOUBT
from qa.weighting import annotation_trust


@dataclass(frozen=True)
class Choice:
    """A label at the stored frame's size.

    Attributes:
        alpha, trust, foreground: as in `LabelRow`.
        source: `fused`, `keyed`, `annotation`, `reviewed` or `propagated`, for `CuratedRow.label_source`.
        quality: P(good) by the judge of such labels: an imported mask has one of its own.
        proven: a person or a keyed screen vouches for it: gold.
        error: the error that is known to be in it (an annotation kept against the votes), else "".
    """

    alpha: bytes
    trust: bytes
    foreground: bytes
    source: str
    quality: float
    proven: bool
    error: str = ""

    @property
    def cleared(self) -> bool:
        """Whether this is an imported mask with which its judge found nothing wrong."""
        return self.source == "annotation" and not self.error


def choose_label(
    frame: FrameRow, label: LabelRow, quality: QualityRow, decision: Decision | None, *, annotations: str
) -> Choice | None:
    """The label of a frame, or None where its bad annotation is to be dropped (`annotations = "drop"`).

    A person's verdict comes first, then the keyed screen, then the annotation if it is good (or kept), then the votes.
    An `accept` of a label that has changed since stands for the mask it was given to; without one it is void. Rejected
    frames are the caller's matter.

    Raises:
        ValueError: a fixed mask has not the shape of its source.
    """
    if decision and decision.verdict == "accept" and decision.label in ("", label_digest(label.alpha)):
        return _fused(frame, label, quality, source="reviewed", proven=True)
    if decision and decision.mask:
        return _fixed(frame, label, quality, decision)
    if label.keyed:
        return _fused(frame, label, quality, source="keyed", proven=True)
    if quality.annotation == "good":
        return _annotated(frame, label, quality, error="")
    if quality.annotation and annotations == "drop":
        return None
    if quality.annotation and annotations == "keep":
        return _annotated(frame, label, quality, error=quality.annotation)
    return _fused(frame, label, quality, source="fused", proven=False)


def propagated(frame: FrameRow, mended: LabelRow, quality: QualityRow) -> Choice:
    """The label of a frame that a fixed neighbour has mended (`qa.propagation`)."""
    choice = _fused(frame, mended, quality, source="propagated", proven=False)
    return replace(choice, foreground=_foreground(frame, choice, decode_grey(choice.alpha)))


def _fused(frame: FrameRow, label: LabelRow, quality: QualityRow, *, source: str, proven: bool) -> Choice:
    alpha, trust, foreground = label.alpha, label.trust, label.foreground
    if (label.width, label.height) != (frame.width, frame.height):
        alpha = encode_png(_sized(decode_grey(alpha), frame))
        trust = encode_png(_sized(decode_grey(trust), frame))
        foreground = encode_jpeg(_sized(decode_rgb(foreground), frame))
    return Choice(alpha, trust, foreground, source, quality.quality, proven)


def _annotated(frame: FrameRow, label: LabelRow, quality: QualityRow, *, error: str) -> Choice:
    fused = _fused(frame, label, quality, source="annotation", proven=False)
    mask = decode_grey(frame.mask)
    good = 1 - quality.signals.get(DOUBT, 1.0)  # without a vote nobody could judge it
    trust = encode_png(annotation_trust(mask, decode_grey(fused.alpha), decode_grey(fused.trust), good))
    return Choice(frame.mask, trust, _foreground(frame, fused, mask), "annotation", good, proven=False, error=error)


def _fixed(frame: FrameRow, label: LabelRow, quality: QualityRow, decision: Decision) -> Choice:
    mask = decode_grey(decision.mask)
    if mask.shape != (frame.source_height, frame.source_width):
        raise ValueError(
            f"{frame.path} at {frame.time_us} us: the reviewer's mask is {mask.shape[1]}x{mask.shape[0]}, the source "
            f"{frame.source_width}x{frame.source_height}; take the decision {decision.provenance!r} back and pull again"
        )
    mask = _sized(mask, frame)
    foreground = _foreground(frame, _fused(frame, label, quality, source="reviewed", proven=True), mask)
    trust = encode_png(np.full_like(mask, 255))
    return Choice(encode_png(mask), trust, foreground, "reviewed", quality.quality, proven=True)


def _foreground(frame: FrameRow, fused: Choice, mask: NDArray[np.uint8]) -> bytes:
    """Foreground colours for another mask: where it adds what the fused label lacks, the frame's own colours."""
    added = (mask >= 128) & (decode_grey(fused.alpha) < 128)
    if not added.any():
        return fused.foreground
    return encode_jpeg(np.where(added[..., None], decode_rgb(frame.image), decode_rgb(fused.foreground)))


def _sized(pixels: NDArray[np.uint8], frame: FrameRow) -> NDArray[np.uint8]:
    if pixels.shape[:2] == (frame.height, frame.width):
        return pixels
    shrinks = pixels.shape[0] > frame.height or pixels.shape[1] > frame.width
    way = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, (frame.width, frame.height), interpolation=way), dtype=np.uint8)
