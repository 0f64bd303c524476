from __future__ import annotations

import os
from pathlib import Path

import pytest
from rich.console import Console

from datasets.manifest import read_manifest, write_manifest
from datasets.receipt import Receipt, StoredFile
from datasets.store import Store
from pipeline.verify import verify
from pipeline.verify_command import run_verify


@pytest.fixture
def project(tmp_path: Path) -> tuple[Path, Store]:
    """A project whose `fuse` out holds two shards; store, out and DVC's cache share their inodes."""
    store = Store(tmp_path / ".autoroto" / "store")
    receipts = []
    for key in "ab":
        with store.staging() as staged:
            (staged / f"{key}-000.parquet").write_bytes(key.encode() * 100)
            files = (StoredFile(f"{key}-000.parquet", "", 0, 1),)
            receipts.append(store.commit(staged, Receipt("fuse", "", key, key, "l", files, 1, 1)))
        store.link(receipts[-1], tmp_path / "data" / "fuse")
        cached = tmp_path / ".dvc" / "cache" / "files" / "md5" / key / key
        cached.parent.mkdir(parents=True)
        os.link(tmp_path / "data" / "fuse" / f"{key}-000.parquet", cached)
    write_manifest(tmp_path / "data" / "fuse" / "manifest.parquet", receipts)
    (tmp_path / "params.yaml").write_text("{}")
    return tmp_path, store


def _flip(path: Path) -> None:
    """Change one byte as a failing disk does: in place, and without a new time."""
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(50)
        file.write(b"\xff")
    path.chmod(0o444)
    os.utime(path, ns=times)


def test_whole_files_stay_where_they_are(project) -> None:
    root, store = project
    found = verify(store, root)
    assert (found.files, found.bytes, found.damaged) == (4, 400, ())
    assert run_verify(root, Console(quiet=True)) == 0


def test_a_byte_flipped_in_the_shared_inode_is_flushed_from_every_place(project) -> None:
    root, store = project
    _flip(store.root / "fuse" / "a-000.parquet")
    found = verify(store, root)
    assert {(damage.path.relative_to(root).parts[0], damage.missing) for damage in found.damaged} == {
        (".autoroto", False), ("data", True),
    }  # fmt: skip
    assert store.lookup("fuse", "a") is None and store.lookup("fuse", "b") is not None
    assert not (root / "data" / "fuse" / "a-000.parquet").exists()
    assert not (root / ".dvc" / "cache" / "files" / "md5" / "a" / "a").exists()
    assert (root / ".dvc" / "cache" / "files" / "md5" / "b" / "b").exists()
    assert [path.read_bytes()[50] for path in (store.root / "quarantine").iterdir()] == [0xFF]


def test_an_out_that_was_copied_is_checked_on_its_own(project) -> None:
    root, store = project
    out = root / "data" / "fuse" / "b-000.parquet"
    content = out.read_bytes()
    out.unlink()
    out.write_bytes(content)
    _flip(out)
    (damage,) = verify(store, root).damaged
    assert damage.path == out and not damage.missing and not out.exists()
    assert store.lookup("fuse", "b") is not None


def test_what_was_found_is_said_with_the_cure(project, capsys) -> None:
    root, store = project
    (store.root / "fuse" / "a-000.parquet").unlink()
    assert run_verify(root, Console(width=200)) == 1
    said = capsys.readouterr().out
    assert ".autoroto/store/fuse/a-000.parquet" in said and "missing" in said and "dvc repro" in said


def test_a_receipt_that_cannot_be_read_is_set_aside_and_stops_nothing(project) -> None:
    root, store = project
    receipt = store.root / "fuse" / "a.json"
    receipt.chmod(0o644)
    receipt.write_text("{")
    assert verify(store, root).damaged == ()  # its shard is whole, and the out's too
    assert not receipt.exists() and store.lookup("fuse", "b") is not None


def test_a_damaged_manifest_is_set_aside(project) -> None:
    root, store = project
    manifest = root / "data" / "fuse" / "manifest.parquet"
    whole = manifest.read_bytes()
    place = whole.index(b"a-000.parquet")
    for damaged in (whole[:place] + b"c" + whole[place + 1 :], whole[:-3]):
        manifest.write_bytes(damaged)
        with pytest.raises(ValueError, match="autoroto verify"):
            read_manifest(manifest)
        assert [damage.path for damage in verify(store, root).damaged] == [manifest]
        assert not manifest.exists()
