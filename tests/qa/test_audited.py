from datetime import UTC, datetime

import numpy as np
import pytest

from datasets.clips import Clip
from datasets.images import encode_jpeg, encode_png
from datasets.reviews import Decision, label_digest
from datasets.schema import FrameRow, LabelRow, QualityRow
from qa.audit import AuditConfig, read_audit, write_audit
from qa.audited import Audited, audited_labels, label_errors, take_audit, with_audit
from qa.groups import GroupConfig

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
SHAPE = (100, 100)
ALL = AuditConfig(share=0.05, salt="s")
CORE = {"label_iou": 0.9, "core_doubt": 0.0}
BY_HAND = {"gold": 0.01, "silver": 0.03, "bronze": 0.1, "reject": 0.5}
GROUPS = GroupConfig(expected_error=BY_HAND, expected_band_error=BY_HAND)


def block(top: int, bottom: int, left: int = 20, right: int = 80) -> np.ndarray:
    mask = np.zeros(SHAPE, np.uint8)
    mask[top:bottom, left:right] = 255
    return mask


ALPHA = encode_png(block(20, 80))


def burst(source: str, *, role: str = "footage", quality: float = 0.9, annotation: str = "") -> Clip:
    """A burst of forty frames, so that one of it is always drawn."""
    frames, labels, scores = [], [], []
    for index in range(40):
        key = {"source": source, "clip": 0, "burst": 0, "time_us": index}
        frames.append(
            FrameRow(
                **key, path=f"{source}.mp4", name="0", width=100, height=100, source_width=100, source_height=100,
                image=encode_jpeg(np.zeros((*SHAPE, 3), np.uint8)), blur=1.0, duplicate=64.0, subject=source,
                licences=["MIT"], origin="", split="", role=role, mask=ALPHA if annotation else b"", truth=b"",
            )
        )  # fmt: skip
        labels.append(
            LabelRow(
                **key, width=100, height=100, alpha=ALPHA, trust=ALPHA, foreground=encode_jpeg(np.zeros((*SHAPE, 3),
                np.uint8)), strategy="mean", keyed=False, unknown=0.0, teachers=[],
            )
        )  # fmt: skip
        scores.append(
            QualityRow(
                **key, signals=CORE, quality=quality, error="", error_box=[], scenarios=[], annotation=annotation
            )
        )
    return Clip(tuple(scores), {FrameRow: tuple(frames), LabelRow: tuple(labels)})


def decide(clip: Clip, verdict: str, mask: np.ndarray | None = None, label: str = "") -> dict:
    return {
        row.frame_key: Decision(
            source=row.source, time_us=row.time_us, verdict=verdict, mask=b"" if mask is None else encode_png(mask),
            label=label, reviewer="eve", decided_at=NOON,
        )
        for row in clip.rows
    }  # fmt: skip


def only(clip: Clip, decisions: dict, **options: str) -> Audited:
    (found,) = audited_labels([clip], decisions, ALL, **({"annotations": "replace"} | options))
    return found


def test_errors_in_core_and_band_by_hand():
    label = block(20, 80)
    assert label_errors(label, label) == (0.0, 0.0)
    # rows 80-89 are missing: 600 pixels, 3 px from the contour of them in the band (radius 2 % of 141 px)
    core, band = label_errors(label, block(20, 90))
    missing_beyond_band = 600 - np.count_nonzero(_band(label)[80:90, 20:80])
    kept_core = np.count_nonzero(label[20:80] * ~_band(label)[20:80] > 0)
    assert core == pytest.approx(missing_beyond_band / (kept_core + missing_beyond_band))
    assert band == pytest.approx(np.count_nonzero(_band(label)[80:90, 20:80]) / np.count_nonzero(_band(label)))
    assert 0.09 < core < 0.15 and band > 0.1
    # nobody in the label: all of the person is missing, there is no band
    assert label_errors(np.zeros(SHAPE, np.uint8), label) == (1.0, 1.0)
    assert label_errors(np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8)) == (0.0, 0.0)


def _band(mask: np.ndarray) -> np.ndarray:
    from qa.view import Outline

    return Outline(mask > 0).band


def test_verdicts():
    clip = burst("a")
    accepted = only(clip, decide(clip, "accept", label=label_digest(ALPHA)))
    assert (accepted.bad, accepted.errors) == (False, (0.0, 0.0))
    rejected = only(clip, decide(clip, "reject"))
    assert (rejected.bad, rejected.errors) == (True, (0.5, 0.5))
    fixed = only(clip, decide(clip, "fix", block(20, 60)))
    assert fixed.bad and fixed.errors is not None and fixed.errors[0] > 0.2
    # a touch that leaves the label good by the judge's definition
    touched = only(clip, decide(clip, "fix", block(20, 79)))
    assert not touched.bad and touched.errors is not None and touched.errors[1] > 0


def test_what_nobody_decided_on_counts_as_bad_and_measures_nothing():
    clip = burst("a")
    for decisions in ({}, decide(clip, "accept", label="of an older label")):
        found = only(clip, decisions)
        assert (found.bad, found.errors) == (True, None)


def test_keyed_test_frames_and_labels_that_are_dropped_anyway_are_not_in_question():
    clip = burst("a", role="keyed")
    assert list(audited_labels([clip], {}, ALL, annotations="replace")) == []
    clip = burst("a", annotation="lag")
    assert list(audited_labels([clip], {}, ALL, annotations="drop")) == []
    assert only(clip, {}, annotations="keep").known_error
    cleared = only(burst("a", annotation="good"), {})
    assert cleared.cleared and not cleared.known_error and not only(burst("a"), {}).cleared


def labels(good: int, bad: int, quality: float = 0.9) -> list[Audited]:
    return [
        Audited(
            ("s", index), quality, CORE, False, False, False, index >= good, (0.0, 0.0) if index < good else (0.4, 0.4)
        )
        for index in range(good + bad)
    ]


def test_an_audit_that_holds_sets_the_threshold_and_the_errors():
    audit = take_audit([*labels(60, 0), *labels(0, 20, quality=0.4)], GROUPS, ALL)
    assert (audit.verdict, audit.silver_quality, audit.silver_count, audit.silver_bad) == ("held", 0.9, 60, 0)
    assert audit.silver_bound == pytest.approx(1 - 0.1 ** (1 / 60))
    # 60 silver without error and 10 by hand of .03; 20 bronze at .4 and 10 of .1
    assert audit.errors["silver"].core == pytest.approx(0.3 / 70)
    assert audit.errors["bronze"].core == pytest.approx((8 + 1) / 30)
    assert with_audit(GROUPS, audit).silver_quality == 0.9


def test_an_audit_that_fails_leaves_no_silver():
    audit = take_audit(labels(50, 10), GROUPS, ALL)
    assert (audit.verdict, audit.silver_quality) == ("failed", None)
    assert with_audit(GROUPS, audit).silver_quality is None
    assert audit.errors["bronze"].count == 60 and audit.errors["silver"].count == 0


def test_an_audit_too_small_to_prove_anything_leaves_the_threshold_by_hand():
    audit = take_audit(labels(20, 1), GROUPS, ALL)
    assert audit.verdict == "too_few" and with_audit(GROUPS, audit) is GROUPS
    # but what was seen of the errors counts
    assert audit.errors["silver"].core == pytest.approx((0.4 + 0.3) / 31)
    assert with_audit(GROUPS, None) is GROUPS


def test_the_table_can_be_written(tmp_path):
    audit = take_audit(labels(60, 0), GROUPS, ALL)
    write_audit(tmp_path / "audit.json", audit)
    assert read_audit(tmp_path / "audit.json") == audit
