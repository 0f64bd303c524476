from __future__ import annotations

from pathlib import Path

import pytest

from datasets.schema import BoxRow, FrameRow
from datasets.shards import ROW_GROUP, ShardError, ShardWriter, file_digest, read_rows, shard_row_type, write_rows


def test_rows_come_back_in_order_across_row_groups(tmp_path, frame):
    rows = [frame(time_us=t, image=bytes([t % 251])) for t in range(ROW_GROUP * 2 + 3)]
    path = tmp_path / "a.parquet"
    assert write_rows(path, rows, FrameRow) == len(rows)
    assert list(read_rows(path, FrameRow)) == rows
    assert shard_row_type(path) == "FrameRow"


def test_same_rows_same_bytes(tmp_path, frame):
    rows = [frame(time_us=t) for t in range(5)]
    for name in ("a", "b"):
        write_rows(tmp_path / name, rows, FrameRow)
    assert file_digest(tmp_path / "a") == file_digest(tmp_path / "b")


def test_only_the_wanted_columns_are_read(tmp_path, frame):
    write_rows(tmp_path / "a", [frame(time_us=7)], FrameRow)
    row = next(read_rows(tmp_path / "a", FrameRow, columns=["source", "time_us", "licences"]))
    assert (row.time_us, row.licences, row.image, row.width) == (7, ["CC0-1.0"], b"", 0)


def test_a_shard_of_another_kind_is_refused_with_the_cure(tmp_path, frame):
    write_rows(tmp_path / "a", [frame()], FrameRow)
    with pytest.raises(ShardError, match=r"holds FrameRow format 1, expected BoxRow.*dvc repro"):
        list(read_rows(tmp_path / "a", BoxRow))


def test_a_file_that_is_no_parquet_is_refused(tmp_path):
    (tmp_path / "a").write_bytes(b"rubbish")
    with pytest.raises(ShardError, match="not a readable shard"):
        list(read_rows(tmp_path / "a", FrameRow))


def test_a_shard_that_lost_rows_to_a_full_disk_is_never_finished(frame):
    writer = ShardWriter(Path("/dev/full"), FrameRow)
    row = frame(image=bytes(10_000))
    with pytest.raises(OSError, match="No space left") as lost:
        for _ in range(ROW_GROUP):
            writer.append(row)
    with pytest.raises(OSError, match="No space left") as refused:
        writer.close()
    assert refused.value is lost.value
