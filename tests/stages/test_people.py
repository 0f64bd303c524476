from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datasets.images import encode_jpeg, encode_png
from datasets.schema import CuratedRow
from datasets.shards import write_rows
from stages import people
from stages.people import Person, find_strangers, strangers_to


def _row(subject: str, *, time_us: int = 0, person: int = 30, **changes: object) -> CuratedRow:
    """A photo of somebody who is as many of its 60 rows high as `person` says."""
    alpha = np.zeros((60, 80), np.uint8)
    alpha[60 - person :, 30:50] = 255
    row = CuratedRow(
        source=f"photo of {subject}", clip=0, burst=0, time_us=time_us, path=f"{subject}.jpg", name="0", width=80,
        height=60, image=encode_jpeg(np.full((60, 80, 3), 90, np.uint8)), alpha=encode_png(alpha),
        trust=encode_png(np.full((60, 80), 200, np.uint8)), foreground=b"", group="silver", split="train",
        role="footage", label_source="fused", quality=0.9, error="", scenarios=[], subject=subject, licences=["MIT"],
        truth=b"",
    )  # fmt: skip
    return replace(row, **changes)  # type: ignore[arg-type]


def _found(folder: Path, rows: Iterable[CuratedRow]) -> list[tuple[str, int]]:
    write_rows(folder / "people.parquet", rows, CuratedRow)
    return [(row.subject, row.time_us) for row in find_strangers([folder / "people.parquet"], least=0.01)]


def test_every_subject_of_a_shard_lends_one_frame(tmp_path: Path) -> None:
    rows = [_row(name, time_us=time) for name in ("anna", "ben", "carl") for time in range(4)]
    found = _found(tmp_path, rows)
    assert [subject for subject, _ in found] == ["anna", "ben", "carl"]
    assert found == _found(tmp_path, rows[::-1])


def test_a_shard_of_one_subject_a_split_has_no_strangers(tmp_path: Path) -> None:
    assert _found(tmp_path, [_row("anna", time_us=time) for time in range(3)]) == []
    assert _found(tmp_path, [_row("anna"), _row("ben", split="val"), _row("carl", split="test")]) == []


def test_rejects_tests_and_empty_frames_lend_nobody(tmp_path: Path) -> None:
    rows = [
        _row("anna"), _row("ben"), _row("carl", group="reject"), _row("dora", split="test"), _row("eve", person=0),
    ]  # fmt: skip
    assert _found(tmp_path, rows) == [("anna", 0), ("ben", 0)]


def test_no_more_than_a_few_strangers_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(people, "STRANGERS", 3)
    names = [f"subject {n}" for n in range(9)]
    found = _found(tmp_path, [_row(name, split=split) for name in names for split in ("train", "val")])
    assert len(found) == 6


def test_who_may_stand_behind_somebody_is_of_the_same_split_another_subject_and_source() -> None:
    anna = _row("anna")
    others = [
        _row("ben"), _row("carl", split="val"), _row("anna", source="another photo"), _row("dora", source=anna.source),
        _row("eve", group="bronze"), _row("fred", group="gold"),
    ]  # fmt: skip
    assert [row.subject for row in strangers_to([anna], others).values()] == ["ben", "fred"]
    bronze = replace(anna, group="bronze")
    assert [row.subject for row in strangers_to([anna, bronze], others).values()] == ["ben", "eve", "fred"]


def test_area_is_the_share_of_the_picture() -> None:
    assert Person(_row("anna", person=30)).area == 30 * 20 / 4800
