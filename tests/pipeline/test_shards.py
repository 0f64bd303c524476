from __future__ import annotations

import pytest

from datasets.manifest import write_manifest
from datasets.receipt import Receipt, StoredFile
from pipeline.shards import MadeWhenAsked, Shard, shards_of


def unit(key, parts, *, folder="", lineage="", rows=4):
    files = tuple(StoredFile(f"{key}-{part:03d}.parquet", f"{part}" * 64, 10, rows + part) for part in range(parts))
    return Receipt("fuse", folder, key, f"{key}.mp4", lineage, files, inputs=1, done=1)


def test_shards_are_those_of_the_manifest_with_their_part_of_the_unit(tmp_path):
    units = [unit("b", 1, lineage="i.parquet"), unit("a", 3), unit("none", 0), unit("c", 2, folder="u2net")]
    write_manifest(tmp_path / "data" / "fuse" / "manifest.parquet", units)
    out = tmp_path / "data" / "fuse"
    assert list(shards_of("fuse", tmp_path)) == [
        Shard(out / "a-000.parquet", "a-000.parquet", "a.mp4 [0]", "a-000.parquet", 4, "0" * 64),
        Shard(out / "a-001.parquet", "a-001.parquet", "a.mp4 [1]", "a-001.parquet", 5, "1" * 64),
        Shard(out / "a-002.parquet", "a-002.parquet", "a.mp4 [2]", "a-002.parquet", 6, "2" * 64),
        Shard(out / "b-000.parquet", "b-000.parquet", "b.mp4", "i.parquet", 4, "0" * 64),
        Shard(out / "u2net" / "c-000.parquet", "c-000.parquet", "c.mp4 [0]", "c-000.parquet", 4, "0" * 64),
        Shard(out / "u2net" / "c-001.parquet", "c-001.parquet", "c.mp4 [1]", "c-001.parquet", 5, "1" * 64),
    ]


@pytest.mark.parametrize("units", [[], [unit("none", 0)]])
def test_an_out_without_shards_has_none(units, tmp_path):
    write_manifest(tmp_path / "data" / "fuse" / "manifest.parquet", units)
    assert list(shards_of("fuse", tmp_path)) == []


def test_made_when_asked_is_a_sequence_that_makes_only_what_is_asked_for():
    made = []
    squares = MadeWhenAsked(5, lambda index: made.append(index) or index**2)
    assert (len(squares), squares[-1], squares[1:3]) == (5, 16, [1, 4])
    assert made == [4, 1, 2]
    assert list(squares) == [0, 1, 4, 9, 16]
    with pytest.raises(IndexError):
        squares[5]


def test_shards_of_one_source_find_each_other_whatever_their_number(tmp_path):
    write_manifest(tmp_path / "data" / "ingest" / "manifest.parquet", [unit("a", 1), unit("b", 1), unit("c", 1)])
    votes = [
        unit("v1", 2, folder="one", lineage="c-000.parquet"), unit("v2", 1, folder="one", lineage="a-000.parquet"),
        unit("v3", 1, folder="two", lineage="a-000.parquet"), unit("v4", 1, folder="two", lineage="gone.parquet"),
    ]  # fmt: skip
    write_manifest(tmp_path / "data" / "vote" / "manifest.parquet", votes)
    ingest, vote = shards_of("ingest", tmp_path), shards_of("vote", tmp_path)
    same = ingest.of_same_source(vote)
    assert [[shard.name for shard in same(index)] for index in range(3)] == [
        ["v2-000.parquet", "v3-000.parquet"], [], ["v1-000.parquet", "v1-001.parquet"],
    ]  # fmt: skip
