from __future__ import annotations

import random

import pytest

from datasets.manifest import Ledger, read_manifest, read_table, write_manifest
from datasets.receipt import Receipt, StoredFile


def receipts():
    found = []
    for index in range(6):
        files = tuple(StoredFile(f"{index}-{part:03d}.parquet", "ab" * 32, 10, 4) for part in range(index % 3))
        found.append(
            Receipt("vote", f"teacher{index % 2}", f"key{index}", f"film{index}.mp4", "l", files, 5, 2,
                    {"background": 2}, {"ValueError": 1}, ("film: <no>",), ("MIT",))
        )  # fmt: skip
    return found


def test_round_trip_keeps_units_with_several_and_with_no_shards(tmp_path):
    write_manifest(tmp_path / "m", receipts())
    found = {receipt.key: receipt for receipt in read_manifest(tmp_path / "m")}
    assert found == {receipt.key: receipt for receipt in receipts()}


def test_the_order_of_work_does_not_show_in_the_bytes(tmp_path):
    shuffled = receipts()
    random.Random(1).shuffle(shuffled)
    write_manifest(tmp_path / "a", receipts())
    write_manifest(tmp_path / "b", shuffled)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_missing_manifest_says_what_to_run(tmp_path):
    with pytest.raises(FileNotFoundError, match="dvc repro fuse"):
        read_manifest(tmp_path / "fuse" / "manifest.parquet")


def test_a_ledger_gives_back_every_receipt_in_the_order_they_came(monkeypatch):
    monkeypatch.setattr("datasets.manifest._BATCH", 4)
    ledger = Ledger(receipts())
    assert list(ledger) == receipts() and len(ledger) == 6
    assert list(Ledger()) == list(Ledger().sorted()) == []


def test_many_rows_are_written_and_read_in_parts(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.manifest._BATCH", 2)
    write_manifest(tmp_path / "m", receipts())
    assert sorted(read_manifest(tmp_path / "m"), key=lambda receipt: receipt.key) == receipts()
    assert read_table(tmp_path / "m", ["name"]).num_rows == 8


def test_a_manifest_of_nothing_is_one(tmp_path):
    write_manifest(tmp_path / "m", [])
    assert read_manifest(tmp_path / "m") == [] and read_table(tmp_path / "m", ["key"]).column_names == ["key"]


def test_a_manifest_is_sorted_by_code_points_and_parts_keep_their_order(tmp_path):
    names = ["b", "a", "B", "\u00e4", "\U0001f600", "a [10]", "a [9]"]
    files = tuple(StoredFile(f"{part:03d}", "", 1, 1) for part in range(12))
    found = [Receipt("fuse", "", f"k {name}", name, "", files, 1, 1) for name in names]
    write_manifest(tmp_path / "m", found)
    assert [receipt.label for receipt in read_manifest(tmp_path / "m")] == sorted(names)
    assert all(receipt.files == files for receipt in read_manifest(tmp_path / "m"))
