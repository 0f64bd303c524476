import dataclasses
import tracemalloc
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from datasets.images import encode_png
from datasets.reviews import (
    Decision,
    ReviewError,
    append_decisions,
    decisions_digest,
    known_decisions,
    label_digest,
    last_word_digests,
    latest,
    read_decisions,
)

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
MASK = encode_png(np.full((4, 4), 255, np.uint8))


def decision(
    source: str = "a", time_us: int = 0, verdict: str = "accept", minute: int = 0, **kwargs: object
) -> Decision:
    values = {"reviewer": "eve", "decided_at": NOON + timedelta(minutes=minute), "seconds": 3.5, **kwargs}
    return Decision(source=source, time_us=time_us, verdict=verdict, mask=MASK if verdict == "fix" else b"", **values)


def test_what_is_appended_is_read_back(tmp_path: Path):
    decisions = [decision("a", 40), decision("b", 0, "fix", provenance="task/1"), decision("a", 0, "reject", minute=1)]
    append_decisions(tmp_path / "reviews", decisions)
    assert sorted(read_decisions(tmp_path / "reviews"), key=lambda d: d.key) == sorted(decisions, key=lambda d: d.key)


def test_a_missing_folder_holds_no_decisions(tmp_path: Path):
    assert read_decisions(tmp_path / "none") == []


def test_files_are_only_ever_added(tmp_path: Path):
    first = append_decisions(tmp_path, [decision()])
    bytes_before = first.read_bytes()
    second = append_decisions(tmp_path, [decision(verdict="reject", minute=5)])
    assert first != second and first.read_bytes() == bytes_before
    assert sorted(tmp_path.iterdir()) == [first, second]


def test_appending_the_same_again_changes_nothing(tmp_path: Path):
    decisions = [decision("a"), decision("b")]
    assert append_decisions(tmp_path, decisions) == append_decisions(tmp_path, decisions[::-1])
    assert len(list(tmp_path.iterdir())) == 1


def test_a_decision_that_was_pulled_twice_is_one(tmp_path: Path):
    both, one = [decision("a", verdict="fix"), decision("b")], [decision("b")]
    append_decisions(tmp_path, both)
    append_decisions(tmp_path, one)  # of another machine, whose batch ended elsewhere
    assert len(list(tmp_path.iterdir())) == 2 and read_decisions(tmp_path) == both


def test_the_last_word_wins_whatever_the_order_and_time_zone(tmp_path: Path):
    later = decision(verdict="fix", decided_at=(NOON + timedelta(minutes=1)).astimezone(timezone(timedelta(hours=-9))))
    append_decisions(tmp_path, [later])
    append_decisions(tmp_path, [decision(verdict="reject")])
    assert latest(read_decisions(tmp_path))["a", 0].verdict == "fix"


def test_reading_by_source(tmp_path: Path):
    append_decisions(tmp_path, [decision("a"), decision("b"), decision("c")])
    assert {d.source for d in read_decisions(tmp_path, sources={"a", "c"})} == {"a", "c"}
    assert read_decisions(tmp_path, sources=set()) == []


def test_masks_on_other_sources_are_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for source in ("a", "b"):
        append_decisions(tmp_path, [decision(source, verdict="fix")])
    whole, read = [], pq.read_table

    def noted(path: Path, **how: object) -> object:
        whole.append("columns" not in how)
        return read(path, **how)

    monkeypatch.setattr(pq, "read_table", noted)
    assert [one.source for one in read_decisions(tmp_path, sources={"b"})] == ["b"]
    assert whole.count(True) == 1


def test_digest_sees_only_the_last_words_on_these_frames(tmp_path: Path):
    old, new, other = decision("a", verdict="reject"), decision("a", minute=1), decision("b")
    append_decisions(tmp_path, [new])
    digest = decisions_digest(last_word_digests(tmp_path), [("a", 0), ("a", 40)])
    append_decisions(tmp_path, [old, other])
    words = last_word_digests(tmp_path)
    assert digest == decisions_digest(words, [("a", 40), ("a", 0), ("a", 0)])
    assert digest != decisions_digest(words, [("a", 0), ("b", 0)]) != decisions_digest(words, [("b", 0)])
    assert (
        decisions_digest(words, [("b", 40)]) == decisions_digest(last_word_digests(tmp_path / "none"), [("a", 0)]) == ""
    )
    append_decisions(tmp_path, [decision("a", verdict="fix", minute=2)])
    fixed = decisions_digest(last_word_digests(tmp_path), [("a", 0)])
    other_mask = Decision(**{**_fields(decision("a", verdict="fix", minute=2)), "mask": MASK + b"x"})
    append_decisions(tmp_path / "else", [other_mask])
    assert fixed != digest and fixed != decisions_digest(last_word_digests(tmp_path / "else"), [("a", 0)])


def test_the_digest_and_the_reader_agree_on_the_last_word_of_one_microsecond(tmp_path: Path):
    first = decision("a", verdict="fix")
    second = Decision(**{**_fields(first), "mask": encode_png(np.zeros((4, 4), np.uint8))})
    for folder, order in (("one", (first, second)), ("two", (second, first))):
        for one in order:
            append_decisions(tmp_path / folder, [one])
        last = latest(read_decisions(tmp_path / folder))["a", 0]
        append_decisions(tmp_path / f"{folder} last", [last])
        assert last_word_digests(tmp_path / folder) == last_word_digests(tmp_path / f"{folder} last")


def test_digests_keep_no_masks_in_memory(tmp_path: Path):
    megabyte = np.random.default_rng(0).bytes(2**20)
    for number in range(24):
        values = _fields(decision("a", number, "fix")) | {"mask": megabyte + bytes([number])}
        append_decisions(tmp_path, [Decision(**values)])
    tracemalloc.start()
    words = last_word_digests(tmp_path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(set(words.values())) == 24 and peak < 8 * 2**20


def _fields(one: Decision) -> dict[str, Any]:
    return {field.name: getattr(one, field.name) for field in dataclasses.fields(one)}


def test_a_decision_must_make_sense():
    with pytest.raises(ReviewError, match="'maybe' is none of accept, fix, reject"):
        decision(verdict="maybe")
    with pytest.raises(ReviewError, match="a fix carries a mask"):
        Decision(source="a", time_us=0, verdict="fix", reviewer="eve", decided_at=NOON)
    with pytest.raises(ReviewError, match="a reject does not"):
        Decision(source="a", time_us=0, verdict="reject", mask=MASK, reviewer="eve", decided_at=NOON)
    with pytest.raises(ReviewError, match="no time zone"):
        decision(decided_at=datetime(2026, 11, 21))


def test_what_is_known_already_by_its_provenance(tmp_path: Path):
    assert known_decisions(tmp_path / "none") == {}
    append_decisions(tmp_path, [decision(provenance="one"), decision("b", provenance="two")])
    append_decisions(tmp_path, [decision(verdict="fix", minute=5, provenance="one")])
    assert known_decisions(tmp_path) == {"one": NOON + timedelta(minutes=5), "two": NOON}


def test_files_that_are_no_decisions_are_named(tmp_path: Path):
    (tmp_path / "junk.parquet").write_bytes(b"junk")
    with pytest.raises(ReviewError, match=r"junk\.parquet: not a readable"):
        read_decisions(tmp_path)
    with pytest.raises(ReviewError, match="no decisions to append"):
        append_decisions(tmp_path, [])


def test_label_digest_names_the_bytes_that_were_seen():
    assert label_digest(MASK) == label_digest(bytes(MASK)) != label_digest(MASK + b"x")
