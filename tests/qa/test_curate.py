from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from datasets.clips import Clip
from datasets.images import decode_grey, encode_jpeg, encode_png
from datasets.reviews import Decision, append_decisions
from datasets.schema import CuratedRow, FrameRow, LabelRow, QualityRow
from datasets.shards import write_rows
from datasets.splits import assign_split
from qa.audit import FILE, Audit, write_audit
from qa.curate import REVIEWS, Curate, CurateConfig
from stages.base import Drop

GREY = encode_png(np.full((6, 8), 255, np.uint8))
IMAGE = encode_jpeg(np.zeros((6, 8, 3), np.uint8))
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
CORE = {"label_iou": 0.8, "core_doubt": 0.1}


def rows(index: int = 0, **values: object) -> tuple[QualityRow, FrameRow, LabelRow]:
    """One frame's rows; `values` go to the row type that has the field."""
    key = {"source": "s", "clip": 0, "burst": 0, "time_us": index * 40_000}
    frame = {
        "path": "a.mp4", "name": "0", "width": 8, "height": 6, "source_width": 8, "source_height": 6, "image": IMAGE,
        "blur": 1.0, "duplicate": 64.0, "subject": "ann", "licences": ["mit"], "origin": "", "split": "train",
        "role": "footage", "mask": b"", "truth": b"",
    }  # fmt: skip
    quality = {"signals": CORE, "quality": 0.9, "error": "", "error_box": [], "scenarios": ["dark"], "annotation": ""}
    label = {
        "width": 8, "height": 6, "alpha": GREY, "trust": GREY, "foreground": IMAGE, "strategy": "mean", "keyed": False,
        "unknown": 0.0, "teachers": [],
    }  # fmt: skip
    for name, value in values.items():
        next(part for part in (frame, quality, label) if name in part)[name] = value
    return QualityRow(**key, **quality), FrameRow(**key, **frame), LabelRow(**key, **label)


def curate(*frames: tuple[QualityRow, FrameRow, LabelRow], **config: object) -> list[CuratedRow | Drop]:
    qualities, footage, labels = zip(*frames, strict=True)
    clip = Clip(qualities, {FrameRow: footage, LabelRow: labels})
    return list(Curate(CurateConfig(**config)).process(clip))


def only(**values: object) -> CuratedRow:
    (row,) = curate(rows(**values))
    assert isinstance(row, CuratedRow)
    return row


def test_a_good_label_is_silver_and_self_contained():
    row = only()
    assert (row.group, row.split, row.label_source, row.quality) == ("silver", "train", "fused", 0.9)
    assert (row.image, row.alpha, row.licences, row.scenarios) == (IMAGE, GREY, ["MIT"], ["dark"])


def test_groups():
    assert only(quality=0.3, error="jagged_edge").group == "bronze"
    assert only(quality=0.3, keyed=True).group == "gold"
    assert only(quality=0.9, annotation="good", mask=GREY).label_source == "annotation"


def test_a_cleared_annotation_is_worth_what_its_own_judge_says_where_the_teachers_fail():
    contradicted = {"label_iou": 0.1, "core_doubt": 0.9}
    for doubt, group in ((0.1, "silver"), (0.3, "bronze")):
        row = only(
            quality=0.1, error="lag", annotation="good", mask=GREY, signals=contradicted | {"annotation_doubt": doubt}
        )
        assert (row.group, row.label_source, row.error) == (group, "annotation", "")
        assert row.quality == pytest.approx(1 - doubt)


def test_rejects_are_counted_drops_that_name_the_error():
    reject = {"quality": 0.1, "signals": {"label_iou": 0.3}}
    assert curate(rows(**reject, error="missed_region")) == [Drop("reject:missed_region", 1)]
    assert curate(rows(signals={})) == [Drop("reject:no_votes", 1)]


def test_bad_annotations_are_replaced_dropped_or_kept():
    bad = rows(annotation="lag", mask=GREY)
    (replaced,), (kept,) = curate(bad), curate(bad, annotations="keep")
    assert isinstance(replaced, CuratedRow) and replaced.label_source == "fused"
    assert curate(bad, annotations="drop") == [Drop("annotation:lag", 1)]
    assert isinstance(kept, CuratedRow)
    assert (kept.label_source, kept.group, kept.error) == ("annotation", "bronze", "lag")


def test_the_keyed_test_clip_is_always_test_and_never_thinned_out():
    row = only(role="keyed", split="train", quality=0.0, signals={"label_iou": 0.1}, truth=GREY)
    assert (row.split, row.group, row.truth) == ("test", "reject", GREY)


def test_unpinned_subjects_follow_their_hash():
    config = CurateConfig()
    for subject in ("ann", "bob", "cleo", "dan"):
        expected = assign_split(subject, pinned="", ratios=config.ratios, salt=config.salt)
        assert only(subject=subject, split="").split == expected


def duplicates(split: str, distances: Sequence[float]) -> list[bool]:
    frames = [rows(i, duplicate=d, split=split) for i, d in enumerate(distances)]
    return [isinstance(row, CuratedRow) for row in curate(*frames, duplicate_distance=6)]


def test_near_duplicates_add_up_from_the_last_one_kept():
    assert duplicates("train", [64, 2, 2, 2, 1, 8]) == [True, False, False, True, False, True]
    # Measuring needs every frame.
    assert duplicates("test", [64, 2, 2]) == [True, True, True]


def test_an_earlier_stages_missing_row_names_the_burst():
    quality, frame, _ = rows()
    with pytest.raises(ValueError, match=r"a\.mp4 clip 0 burst 0.*lacks its frame or label"):
        list(Curate(CurateConfig()).process(Clip((quality,), {FrameRow: (frame,)})))


def test_peoples_decisions_are_read_per_shard(tmp_path: Path):
    frames = [rows(i, quality=0.3) for i in range(4)]
    shards = []
    for name, row_type, column in (("q", QualityRow, 0), ("f", FrameRow, 1), ("l", LabelRow, 2)):
        shards.append(tmp_path / f"{name}.parquet")
        write_rows(shards[-1], [frame[column] for frame in frames], row_type)
    fix = np.zeros((6, 8), np.uint8)
    decisions = [
        Decision(source="s", time_us=0, verdict="accept", reviewer="eve", decided_at=NOON),
        Decision(source="s", time_us=40_000, verdict="reject", reviewer="eve", decided_at=NOON),
        Decision(source="s", time_us=80_000, verdict="fix", mask=encode_png(fix), reviewer="eve", decided_at=NOON),
        Decision(source="other", time_us=120_000, verdict="reject", reviewer="eve", decided_at=NOON),
    ]
    append_decisions(tmp_path / REVIEWS, decisions)
    stage = Curate(CurateConfig(), root=tmp_path)
    (clip,) = stage.items(shards)
    accepted, rejected, fixed, untouched = stage.process(clip)
    assert isinstance(accepted, CuratedRow) and (accepted.group, accepted.label_source) == ("gold", "reviewed")
    assert rejected == Drop("reject:reviewed", 1)
    assert isinstance(fixed, CuratedRow) and (fixed.group, fixed.alpha) == ("gold", encode_png(fix))
    assert isinstance(untouched, CuratedRow) and untouched.group == "bronze"


def test_an_audit_sets_silvers_threshold_and_enters_the_key(tmp_path: Path):
    shards = []
    for name, row_type, column in (("q", QualityRow, 0), ("f", FrameRow, 1), ("l", LabelRow, 2)):
        shards.append(tmp_path / f"{name}.parquet")
        write_rows(shards[-1], [rows(quality=0.9)[column]], row_type)
    stage = Curate(CurateConfig(), root=tmp_path)
    assert stage.weights() == ()
    (tmp_path / REVIEWS).mkdir(parents=True)
    for threshold, expected in ((0.95, "bronze"), (0.5, "silver"), (None, "bronze")):
        audit = Audit(
            drawn=50, decided=50, verdict="held" if threshold else "failed", silver_quality=threshold, silver_count=50,
            silver_bad=0, silver_bound=0.05, errors={}, share=0.05, bad=0.05, confidence=0.9,
        )  # fmt: skip
        write_audit(tmp_path / REVIEWS / FILE, audit)
        (clip,) = stage.items(shards)
        (row,) = stage.process(clip)
        assert isinstance(row, CuratedRow) and row.group == expected
    assert stage.weights() == (str(REVIEWS / FILE),)


def test_an_annotation_that_is_kept_is_not_trusted_where_the_teachers_contradict_it():
    mask = np.full((6, 8), 255, np.uint8)
    mask[:, :4] = 0
    (kept,) = curate(rows(annotation="missed_region", mask=encode_png(mask)), annotations="keep")
    assert isinstance(kept, CuratedRow)
    trust = decode_grey(kept.trust)
    assert not trust[:, :4].any() and trust[:, 4:].min() == 255
