from __future__ import annotations

import errno
import os
import time

import pytest

from datasets.receipt import Receipt, StoredFile
from datasets.shards import file_digest
from datasets.store import CheckedFiles, Store, StoreError, place_file


def commit(store, key="k", data=b"bytes"):
    with store.staging() as staged:
        (staged / f"{key}-000.parquet").write_bytes(data)
        files = (StoredFile(f"{key}-000.parquet", "", 0, 1),)
        return store.commit(staged, Receipt("fuse", "", key, "film.mp4", "l", files, inputs=1, done=1))


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def test_committed_work_is_found_with_its_digest(store):
    receipt = commit(store)
    assert store.lookup("fuse", "k") == receipt
    assert receipt.files[0].size == 5 and len(receipt.files[0].sha256) == 64
    assert store.lookup("fuse", "other") is None
    assert not any((store.root / "staging").iterdir())


def test_stored_files_are_read_only_and_share_an_inode_with_the_out(store, tmp_path):
    receipt = commit(store)
    store.link(receipt, tmp_path / "out")
    linked = tmp_path / "out" / "k-000.parquet"
    assert linked.read_bytes() == b"bytes"
    assert linked.stat().st_ino == store.path("fuse", receipt.files[0]).stat().st_ino
    assert linked.stat().st_mode & 0o777 == 0o444


def test_linking_twice_leaves_no_debris(store, tmp_path):
    receipt = commit(store)
    for _ in range(2):
        store.link(receipt, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["k-000.parquet"]


def test_a_flipped_byte_is_quarantined_and_forgotten(store):
    path = store.path("fuse", commit(store).files[0])
    path.chmod(0o644)
    path.write_bytes(b"bytez")
    assert store.lookup("fuse", "k") is None
    assert not path.exists()
    assert [p.read_bytes() for p in (store.root / "quarantine").iterdir()] == [b"bytez"]
    assert commit(store) == store.lookup("fuse", "k")


def test_a_receipt_that_is_no_json_is_quarantined(store):
    commit(store)
    (store.root / "fuse" / "k.json").write_text("{")
    assert store.lookup("fuse", "k") is None


def test_accepted_work_is_never_found(store, tmp_path):
    with store.staging() as staged:
        (staged / "k-000.parquet").write_bytes(b"partial")
        files = (StoredFile("k-000.parquet", "", 0, 1),)
        receipt = store.accept(staged, Receipt("fuse", "", "k", "f", "l", files, 2, 1, failed={"out_of_memory": 1}))
    assert store.lookup("fuse", "k") is None
    store.link(receipt, tmp_path / "out", accepted=True)
    assert (tmp_path / "out" / "k-000.parquet").read_bytes() == b"partial"


def test_trim_deletes_what_was_unused_longest_and_spares_the_current(store, tmp_path):
    for age, key in enumerate("abc"):
        receipt = commit(store, key, b"12345")
        os.utime(store.root / "fuse" / f"{key}.json", ns=(age, age))
    store.link(receipt, tmp_path / "out")
    assert store.trim(5, keep={"a"}) == (2, 10)
    assert store.lookup("fuse", "a") and not store.lookup("fuse", "b") and not store.lookup("fuse", "c")
    assert (tmp_path / "out" / "c-000.parquet").read_bytes() == b"12345"


def test_files_are_copied_where_links_are_not_possible(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"x")
    monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(OSError("another filesystem")))
    place_file(tmp_path / "a", tmp_path / "sub" / "b")
    assert (tmp_path / "sub" / "b").read_bytes() == b"x"
    assert (tmp_path / "sub" / "b").stat().st_ino != (tmp_path / "a").stat().st_ino


def test_what_killed_runs_left_goes_once_it_is_old_and_results_stay(store):
    whole = commit(store, "whole")
    (store.root / "fuse" / "orphan-000.parquet").write_bytes(b"placed, but its receipt never came")
    (store.root / "fuse" / ".half.json.1a2b3c4d").write_bytes(b"a receipt that was never renamed")
    (store.root / "staging" / "dead").mkdir(parents=True)
    (store.root / "staging" / "dead" / "x-000.parquet").write_bytes(b"half a shard")
    (store.root / "staging" / "k.item").write_text("3")
    assert store.sweep() == 0  # all of it may belong to a worker that lives
    assert store.sweep(age_s=-1) == 4
    assert store.lookup("fuse", "whole") == whole
    assert sorted(path.name for path in (store.root / "fuse").iterdir()) == ["whole-000.parquet", "whole.json"]
    assert not any((store.root / "staging").iterdir())


def test_files_of_a_result_in_its_own_folder_are_no_leftovers(store):
    with store.staging() as staged:
        (staged / "r").mkdir()
        (staged / "r" / "student.json").write_text("{}")
        receipt = store.commit(
            staged, Receipt("train", "", "r", "train", "", (StoredFile("r/student.json", "", 0),), 1, 1)
        )
    assert store.sweep(age_s=-1) == 0
    assert store.lookup("train", "r") == receipt


def test_a_full_or_read_only_disk_is_an_error_with_a_cure(store):
    for code, words in ((errno.ENOSPC, "the disk is full; free some space"), (errno.EROFS, "read-only; mount it")):
        with pytest.raises(StoreError, match=words) as caught, store.staging():
            raise OSError(code, os.strerror(code))
        assert str(store.root) in str(caught.value)
    with pytest.raises(FileNotFoundError), store.staging():
        raise FileNotFoundError("a shard that is gone is another matter")
    assert list((store.root / "staging").iterdir()) == []


@pytest.fixture
def hashed(monkeypatch):
    """Names of the files that are really hashed."""
    names = []

    def counting(path):
        names.append(path.name)
        return file_digest(path)

    monkeypatch.setattr("datasets.store.file_digest", counting)
    return names


def aged(path, data, seconds=60):
    """A file that was written so long ago, and its SHA-256."""
    path.write_bytes(data)
    os.utime(path, (time.time() - seconds,) * 2)
    return path, file_digest(path)


def test_what_nobody_has_written_to_is_not_hashed_again(tmp_path, hashed):
    checked, files = CheckedFiles(), [aged(tmp_path / "a", b"one"), aged(tmp_path / "b", b"two")]
    assert checked.damaged(files) == checked.damaged(files) == ()
    assert hashed == ["a", "b"]


def test_a_file_that_was_written_to_is_hashed_again_even_if_its_size_and_place_are_the_same(tmp_path, hashed):
    checked, (path, digest) = CheckedFiles(), aged(tmp_path / "a", b"one")
    assert checked.damaged([(path, digest)]) == ()
    path.write_bytes(b"onE")
    assert checked.damaged([(path, digest)]) == checked.damaged([(path, digest)]) == (path,)
    path.unlink()
    assert checked.damaged([(path, digest)]) == (path,)


def test_a_file_written_a_moment_ago_is_hashed_again_as_its_time_may_not_tell(tmp_path, hashed):
    checked, file = CheckedFiles(), aged(tmp_path / "a", b"one", seconds=0)
    assert checked.damaged([file]) == checked.damaged([file]) == ()
    assert hashed == ["a", "a"]
