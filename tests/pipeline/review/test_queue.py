from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from pathlib import Path

import pytest

from datasets.images import encode_png
from datasets.reviews import Decision, label_digest
from datasets.schema import FrameRow, LabelRow, QualityRow
from pipeline.params import Params
from pipeline.review.queue import Scored
from qa.audit import draw
from tests.review.drawn import draw_project, keys, labels, relabel, rows_of, write_stage

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return draw_project(tmp_path / "project")


def queued(project: Path, decisions: dict | None = None, **options: object) -> list:
    values = {"limit": 100, "audit": False} | options
    return Scored(project, Params()).queue(decisions or {}, **values)[0]


def decide(project: Path, key: tuple[str, int], verdict: str, *, masked: bool = False, seen: str = "") -> dict:
    mask = encode_png(labels(project)[key]) if masked else b""
    decision = Decision(
        source=key[0], time_us=key[1], verdict=verdict, mask=mask, label=seen, reviewer="eve", decided_at=NOON
    )
    return {key: decision}


def test_the_worst_come_first_and_no_more_than_asked_for(project: Path):
    everything = queued(project)
    gains = [place.gain for place in everything]
    assert len(everything) == 24 and gains == sorted(gains, reverse=True)
    assert queued(project, limit=5) == everything[:5]


def test_what_is_decided_is_asked_about_no_more_but_for_an_accept_of_another_label(project: Path):
    key = queued(project)[0].key
    seen = label_digest(
        next(r.alpha for r in rows_of(project, "fuse") if isinstance(r, LabelRow) and r.frame_key == key)
    )
    settled = [
        decide(project, key, "reject"),
        decide(project, key, "fix", masked=True),
        decide(project, key, "accept", masked=True, seen=seen),
        decide(project, key, "accept", seen=seen),
    ]
    for decisions in settled:
        assert key not in [place.key for place in queued(project, decisions)]
    relabel(project, {key[1]}, lambda alpha: alpha // 2)
    assert key in [place.key for place in queued(project, decide(project, key, "accept", seen=seen))]
    assert key not in [place.key for place in queued(project, decide(project, key, "accept", masked=True, seen=seen))]


def test_good_labels_keyed_screens_and_test_clips_are_left_alone(project: Path):
    first, second, third, *_ = keys(project)
    write_stage(
        project, "score",
        [dataclasses.replace(row, quality=0.9) if row.frame_key == first else row for row in rows_of(project, "score")],
        QualityRow,
    )  # fmt: skip
    write_stage(
        project, "fuse",
        [dataclasses.replace(row, keyed=row.frame_key == second) for row in rows_of(project, "fuse")],
        LabelRow,
    )  # fmt: skip
    frames = rows_of(project, "ingest")
    keyed = [dataclasses.replace(row, role="keyed") if row.frame_key == third else row for row in frames]
    write_stage(project, "ingest", keyed, FrameRow)
    assert {first, second, third}.isdisjoint(place.key for place in queued(project))
    assert len(queued(project)) == 21


def test_the_audits_sample_comes_on_top_however_good_its_labels(tmp_path: Path):
    project = draw_project(tmp_path / "project", bursts=40)
    rows = rows_of(project, "score")
    write_stage(project, "score", [dataclasses.replace(row, quality=0.99) for row in rows], QualityRow)
    sample = draw([(row.source, row.clip, row.burst, row.time_us) for row in rows], Params().curate.audit)
    assert sample and queued(project) == []
    places = queued(project, audit=True, limit=0)
    assert {place.key for place in places} == sample and all(place.drawn for place in places)


def test_frames_that_have_a_task_already_are_found_too(project: Path):
    key = list(keys(project))[-1]
    chosen, others = Scored(project, Params()).queue({}, limit=2, audit=False, also={key, ("gone", 0)})
    assert len(chosen) == 2 and [place.key for place in others] == [key]
