"""Taking the audit: the drawn labels, what people said of them, and the table that follows (see `qa.audit`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from datasets.clips import Clip
from datasets.images import Grey, decode_grey
from datasets.reviews import Decision, label_digest
from datasets.schema import FrameRow, LabelRow
from qa.audit import Audit, AuditConfig, FrameKey, Silver, draw, group_errors, least_count, silver_threshold
from qa.groups import GroupConfig, group_of
from qa.label_choice import Choice, choose_label
from qa.metrics import as_mask, boundary_f, iou
from qa.view import Outline


@dataclass(frozen=True)
class Audited:
    """A drawn label, as `curate` would take it if nobody had looked at it.

    Attributes:
        quality, signals, cleared, known_error, proven: what its group follows from.
        bad: not good by the judge's definition, or nobody has decided.
        errors: share of wrong pixels in core and band; None where nobody has decided.
    """

    key: FrameKey
    quality: float
    signals: Mapping[str, float]
    cleared: bool
    known_error: bool
    proven: bool
    bad: bool
    errors: tuple[float, float] | None


def audited_labels(
    clips: Iterable[Clip], decisions: Mapping[FrameKey, Decision], config: AuditConfig, *, annotations: str
) -> Iterator[Audited]:
    """The drawn labels of scored bursts (with their frames and labels) in order.

    Keyed test frames and labels that `curate` would drop (`annotations`, as in its configuration) are not in question.
    """
    for clip in clips:
        drawn = draw([(row.source, row.clip, row.burst, row.time_us) for row in clip.rows], config)
        for quality, frame, label in zip(clip.qualities, clip.frames, clip.labels, strict=True):
            if quality is None or frame is None or label is None or frame.role != "footage":
                continue
            choice = choose_label(frame, label, quality, None, annotations=annotations)
            if frame.frame_key not in drawn or choice is None:
                continue
            bad, errors = _verdict(frame, label, choice, decisions.get(frame.frame_key), config)
            yield Audited(
                frame.frame_key,
                choice.quality,
                quality.signals,
                choice.cleared,
                bool(choice.error),
                choice.proven,
                bad,
                errors,
            )


def take_audit(labels: Iterable[Audited], groups: GroupConfig, config: AuditConfig) -> Audit:
    """The audit table. A drawn label that nobody has decided on counts as bad: leaving some out proves nothing.

    (Else it would be enough to review the flagged ones among the sample to make it look worse, or the others to make it
    look better.) The groups' errors are means over the decided ones.
    """
    labels = list(labels)
    in_question = [label for label in labels if not label.proven and not label.known_error and label.signals]
    silver = silver_threshold([label.quality for label in in_question], [label.bad for label in in_question], config)
    too_few = silver is None and len(in_question) < least_count(config.bad, config.confidence)
    chosen = groups if too_few else groups.model_copy(update={"silver_quality": silver.quality if silver else None})
    decided = [(label, label.errors) for label in labels if label.errors is not None]
    names = [
        group_of(
            label.quality,
            label.signals,
            chosen,
            proven=label.proven,
            cleared=label.cleared,
            known_error=label.known_error,
        )
        for label, _ in decided
    ]
    by_hand = {
        group: (error, groups.expected_band_error.get(group, error)) for group, error in groups.expected_error.items()
    }
    shown = silver or Silver(0.0, 0, 0, 1.0)
    return Audit(
        drawn=len(labels),
        decided=len(decided),
        verdict="held" if silver else "too_few" if too_few else "failed",
        silver_quality=silver.quality if silver else None,
        silver_count=shown.count,
        silver_bad=shown.bad,
        silver_bound=shown.bound,
        errors=group_errors(names, [errors for _, errors in decided], by_hand, prior_frames=config.prior_frames),
        share=config.share,
        bad=config.bad,
        confidence=config.confidence,
    )


def with_audit(groups: GroupConfig, audit: Audit | None) -> GroupConfig:
    """The groups' configuration with the threshold that the audit chose; unchanged where there is none to choose."""
    if audit is None or audit.verdict == "too_few":
        return groups
    return groups.model_copy(update={"silver_quality": audit.silver_quality})


def label_errors(alpha: Grey, truth: Grey) -> tuple[float, float]:
    """Share of wrong pixels of a label: in its core and in its band.

    The band lies around the label's own contour, where training will look for it; its share is of the band's pixels.
    The core is what the label or the truth holds beyond the band, so that a small person weighs as much as a large one.
    An empty label has no band: there both are the core's.
    """
    outline, exact = Outline(as_mask(alpha)), as_mask(truth)
    wrong, band = outline.mask ^ exact, outline.band
    core = (outline.mask | exact) & ~band
    core_error = float(np.mean(wrong[core])) if core.any() else 0.0
    return core_error, float(np.mean(wrong[band])) if band.any() else core_error


def _verdict(
    frame: FrameRow, label: LabelRow, choice: Choice, decision: Decision | None, config: AuditConfig
) -> tuple[bool, tuple[float, float] | None]:
    """Whether the label is bad, and its errors; bad and no errors where nobody has decided on the present label."""
    changed = decision is not None and decision.label not in ("", label_digest(label.alpha))
    if decision is None or (decision.verdict == "accept" and changed and not decision.mask):
        return True, None
    if decision.verdict == "reject":
        return True, (config.rejected_error, config.rejected_error)
    alpha = decode_grey(choice.alpha)
    right = _sized(decode_grey(decision.mask if decision.verdict == "fix" or changed else label.alpha), frame)
    good = iou(alpha, right) >= config.good_iou and boundary_f(alpha, right) >= config.good_f
    return not good, label_errors(alpha, right)


def _sized(mask: Grey, frame: FrameRow) -> Grey:
    if mask.shape == (frame.height, frame.width):
        return mask
    way = cv2.INTER_AREA if mask.shape[0] > frame.height else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(mask, (frame.width, frame.height), interpolation=way), dtype=np.uint8)
