from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import typer

from datasets.manifest import write_manifest
from datasets.receipt import Receipt, StoredFile
from datasets.store import Store
from pipeline.store_commands import current_keys, parse_size, seed_store


@pytest.mark.parametrize("text, size", [("0", 0), ("500M", 500 * 2**20), ("1.5G", 3 * 2**29), ("20GiB", 20 * 2**30)])
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "big", "-1G", "1X"])
def test_what_is_no_size_is_refused(text):
    with pytest.raises(typer.BadParameter):
        parse_size(text)


@pytest.fixture
def project(tmp_path):
    """A project whose `fuse` out holds two shards, and the store they came from."""
    store = Store(tmp_path / "store")
    receipts = []
    for key in "ab":
        with store.staging() as staged:
            (staged / f"{key}-000.parquet").write_bytes(key.encode())
            files = (StoredFile(f"{key}-000.parquet", "", 0, 1),)
            receipts.append(store.commit(staged, Receipt("fuse", "", key, key, "l", files, 1, 1)))
            store.link(receipts[-1], tmp_path / "data" / "fuse")
    write_manifest(tmp_path / "data" / "fuse" / "manifest.parquet", receipts)
    return tmp_path, store, receipts


def test_a_lost_store_is_refilled_from_the_outs(project):
    root, store, receipts = project
    shutil.rmtree(store.root)
    assert seed_store(store, root) == (2, 0)
    assert [store.lookup("fuse", receipt.key) for receipt in receipts] == receipts
    assert seed_store(store, root) == (0, 0)


def test_a_damaged_shard_is_not_taken_into_the_store(project):
    root, store, _ = project
    shutil.rmtree(store.root)
    shard: Path = root / "data" / "fuse" / "a-000.parquet"
    shard.unlink()
    shard.write_bytes(b"x")
    assert seed_store(store, root) == (1, 1)
    assert store.lookup("fuse", "a") is None


def test_what_the_outs_need_is_known(project):
    assert current_keys(project[0]) == {"a", "b"}
