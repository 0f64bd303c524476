from __future__ import annotations

import hashlib
import os

from pipeline.digests import DigestCache


def test_a_file_is_hashed_again_only_when_it_changed(tmp_path, monkeypatch):
    file, cache = tmp_path / "f", DigestCache(tmp_path / "digests.json")
    file.write_bytes(b"one")
    assert cache.of(file) == hashlib.sha256(b"one").hexdigest()
    cache.save()
    again = DigestCache(tmp_path / "digests.json")
    monkeypatch.setattr("pipeline.digests.file_digest", lambda path: "hashed again")
    assert again.of(file) == hashlib.sha256(b"one").hexdigest()
    file.write_bytes(b"two")
    os.utime(file, ns=(1, 1))
    assert again.of(file) == "hashed again"


def test_a_damaged_cache_is_an_empty_one(tmp_path):
    (tmp_path / "digests.json").write_text("{")
    assert len(DigestCache(tmp_path / "digests.json")) == 0
