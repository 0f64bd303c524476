"""SHA-256 of large files, remembered by size and modification time so that a no-op run reads none of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, MutableMapping
from pathlib import Path

from datasets.shards import file_digest
from datasets.store import write_atomically


class DigestCache(MutableMapping[str, str]):
    """A persistent mapping from `path|size|mtime` to SHA-256. Losing the file loses only time."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, str] = {}
        self._changed = False
        if path.exists():
            try:
                self._known = dict(json.loads(path.read_text()))
            except ValueError:
                self._known = {}  # a damaged cache is an empty one

    def of(self, file: Path) -> str:
        """SHA-256 (hex) of the file's bytes, hashed again only when its size or modification time changed."""
        status = file.stat()
        key = f"{file.resolve()}|{status.st_size}|{status.st_mtime_ns}"
        if key not in self._known:
            self[key] = file_digest(file)
        return self._known[key]

    def save(self) -> None:
        """Write what was learnt, if anything was."""
        if self._changed:
            write_atomically(self._path, json.dumps(self._known, indent=0, sort_keys=True).encode())
            self._changed = False

    def __getitem__(self, key: str) -> str:
        return self._known[key]

    def __setitem__(self, key: str, value: str) -> None:
        self._known[key] = value
        self._changed = True

    def __delitem__(self, key: str) -> None:
        del self._known[key]
        self._changed = True

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)
