"""The content-addressed store: a cache of finished work, like ccache. DVC's outs stay the truth; losing it loses time.

Layout: `<root>/<stage>/<key>.json` (receipt, written last: it commits), `<root>/<stage>/<file name>`,
`<root>/staging/` (work in progress), `<root>/quarantine/` (files whose digest was wrong).
"""

from __future__ import annotations

import errno
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from datasets.faults import fault_point
from datasets.receipt import Receipt, StoredFile
from datasets.shards import file_digest, file_version

_INTERNAL = {"staging", "quarantine", "accepted"}
DAY_S = 24 * 3600.0
_CURES = {
    errno.ENOSPC: "the disk is full; free some space (`autoroto store gc` trims the store)",
    errno.EDQUOT: "the disk quota is used up; free some space (`autoroto store gc` trims the store)",
    errno.EROFS: "the disk is read-only; mount it writable, or set pipeline.store to a folder on another one",
}


class StoreError(RuntimeError):
    """The disk takes no more files. The message names the folder and the cure."""


@contextmanager
def explained_disk(folder: Path) -> Iterator[None]:
    """Turns what the disk below `folder` refuses into a StoreError; other errors pass."""
    try:
        yield
    except OSError as error:
        if error.errno not in _CURES:
            raise
        raise StoreError(
            f"{folder}: {_CURES[error.errno]} and run again; everything that was finished is kept"
        ) from error


class Store:
    """Looks up, commits and links the results of units of work."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def lookup(self, stage: str, key: str) -> Receipt | None:
        """The receipt of finished work whose files are all there with the right size and SHA-256, or None.

        A damaged file is moved to `quarantine/` and its receipt forgotten: the caller computes the unit again.
        """
        path = self._receipt_path(stage, key)
        try:
            receipt = Receipt.from_json(path.read_text())
        except FileNotFoundError:
            return None
        except ValueError:
            self.quarantine(path)
            return None
        damaged = [file for file in receipt.files if not is_intact(self.path(stage, file), file)]
        if not damaged:
            return receipt
        for file in damaged:
            self.quarantine(self.path(stage, file))
        path.unlink()
        return None

    def path(self, stage: str, file: StoredFile) -> Path:
        """Where a stored file lies."""
        return self.root / stage / file.name

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """A fresh folder for work in progress, removed afterwards. On the store's own filesystem, so commits rename.

        Raises:
            StoreError: the disk is full or read-only, now or while the folder is worked in.
        """
        folder = self.root / "staging" / uuid.uuid4().hex
        with explained_disk(self.root):
            folder.mkdir(parents=True)
            try:
                yield folder
            finally:
                shutil.rmtree(folder, ignore_errors=True)

    def commit(self, staged: Path, receipt: Receipt) -> Receipt:
        """Move the staged files into the store, then write the receipt. Every step is fsynced and atomic.

        `receipt.files` name files relative to `staged`, sizes and digests are filled in here. Committing the same key
        twice leaves the same bytes.
        """
        return self._place(staged, receipt, self.root / receipt.stage, with_receipt=True)

    def accept(self, staged: Path, receipt: Receipt) -> Receipt:
        """Like `commit`, for work that lacks retryable failures: kept beside the store and never found by `lookup`."""
        return self._place(staged, receipt, self.root / "accepted" / receipt.stage, with_receipt=False)

    def link(self, receipt: Receipt, out: Path, *, accepted: bool = False) -> None:
        """Hardlink (or copy, across filesystems) the receipt's files into `out`; existing files are replaced.

        Raises:
            StoreError: the disk of `out` is full or read-only.
        """
        base = self.root / "accepted" / receipt.stage if accepted else self.root / receipt.stage
        with explained_disk(out):
            for file in receipt.files:
                place_file(base / file.name, out / file.name.removeprefix(receipt.key + "/"))

    def receipts(self) -> Iterator[tuple[Path, Receipt]]:
        """Every committed receipt with its path, in order of path; one that cannot be read goes to quarantine."""
        for path in sorted(self.root.glob("*/*.json")):
            if path.parent.name in _INTERNAL:
                continue
            try:
                receipt = Receipt.from_json(path.read_text())
            except ValueError:
                self.quarantine(path)
                continue
            yield path, receipt

    def trim(self, max_bytes: int, keep: set[str]) -> tuple[int, int]:
        """Delete the longest unused results until the store holds at most `max_bytes`; keys in `keep` always stay.

        Returns:
            Results deleted and bytes freed. The outs keep their hardlinks and are never touched.
        """
        shutil.rmtree(self.root / "accepted", ignore_errors=True)
        found = [(path.stat().st_mtime_ns, path, receipt) for path, receipt in self.receipts()]
        total = sum(file.size for _, _, receipt in found for file in receipt.files)
        deleted = freed = 0
        for _, path, receipt in sorted(found, key=lambda entry: (entry[0], entry[1])):
            if total - freed <= max_bytes:
                break
            if receipt.key in keep:
                continue
            path.unlink()  # the receipt first: a crash now leaves unreferenced files, never a receipt without files
            for file in receipt.files:
                self.path(receipt.stage, file).unlink(missing_ok=True)
                freed += file.size
            deleted += 1
        return deleted, freed

    def sweep(self, *, age_s: float = DAY_S) -> int:
        """Delete what killed processes left behind: staging folders, temporary files, shards that no receipt names.

        Only what is older than `age_s` seconds: younger things may belong to a worker on another machine. Returns how
        many files and folders went.
        """
        named = {self.path(receipt.stage, file) for _, receipt in self.receipts() for file in receipt.files}
        left = [*(self.root / "staging").glob("*")]
        for folder in self.root.glob("*"):
            if folder.is_dir() and folder.name not in _INTERNAL:
                known = named | set(folder.glob("[!.]*.json"))
                left += [path for path in folder.rglob("*") if path.is_file() and path not in known]
        old = [path for path in left if path.lstat().st_mtime < time.time() - age_s]
        for path in old:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        return len(old)

    def touch(self, receipt: Receipt) -> None:
        """Mark a result as used now, for `trim`."""
        with suppress(OSError):  # nothing is ever trimmed from a store that may not be written
            os.utime(self._receipt_path(receipt.stage, receipt.key))

    def _receipt_path(self, stage: str, key: str) -> Path:
        return self.root / stage / f"{key}.json"

    def _place(self, staged: Path, receipt: Receipt, base: Path, *, with_receipt: bool) -> Receipt:
        base.mkdir(parents=True, exist_ok=True)
        files = []
        for file in receipt.files:
            source, target = staged / file.name, base / file.name
            files.append(replace(file, sha256=file_digest(source), size=source.stat().st_size))
            source.chmod(0o444)  # one inode may serve store, DVC cache and workspace: nobody may write in place
            target.parent.mkdir(parents=True, exist_ok=True)
            fault_point("commit.file")
            source.replace(target)
            fault_point("commit.placed")
            sync_folder(target.parent)
        receipt = replace(receipt, files=tuple(files))
        if with_receipt:
            fault_point("commit.receipt")
            write_atomically(self._receipt_path(receipt.stage, receipt.key), receipt.to_json().encode())
            fault_point("commit.done")
        return receipt

    def quarantine(self, path: Path) -> None:
        """Move a damaged file out of the way, for people to look at; nothing where there is none."""
        if path.exists():
            folder = self.root / "quarantine"
            folder.mkdir(parents=True, exist_ok=True)  # a fresh clone has no store yet
            path.replace(folder / f"{path.name}.{uuid.uuid4().hex[:8]}")


def is_intact(path: Path, file: StoredFile) -> bool:
    """Whether `path` exists with the recorded size and SHA-256."""
    return path.is_file() and path.stat().st_size == file.size and file_digest(path) == file.sha256


def damaged_files(files: Iterable[tuple[Path, str]]) -> tuple[Path, ...]:
    """Those of the files, with their SHA-256, that are missing or hold other bytes."""
    return tuple(path for path, digest in files if not path.is_file() or file_digest(path) != digest)


SETTLED_NS = 2 * 10**9
"""A file written so lately could be written again without a later time of change."""


class CheckedFiles:
    """A process's memory of the files it checked last: what nobody has written to since is not hashed again."""

    def __init__(self) -> None:
        self._intact: set[object] = set()

    def damaged(self, files: Iterable[tuple[Path, str]]) -> tuple[Path, ...]:
        """As `damaged_files`."""
        found: list[Path] = []
        intact: set[object] = set()
        for path, digest in files:
            identity = (path, digest, *file_version(path)) if path.is_file() else None
            if identity not in self._intact and damaged_files([(path, digest)]):
                found.append(path)
            elif path.stat().st_mtime_ns < time.time_ns() - SETTLED_NS:
                intact.add(identity)
        self._intact = intact
        return tuple(found)


def place_file(source: Path, target: Path) -> None:
    """Put `source` at `target` under a temporary name first: a hardlink where the filesystem allows, else a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}")
    try:
        os.link(source, temporary)
    except OSError:
        shutil.copyfile(source, temporary)
        temporary.chmod(0o444)
    fault_point("link.temporary")
    if target.exists() and target.samefile(temporary):
        temporary.unlink()  # renaming one link over another of the same inode does nothing and leaves both
        return
    temporary.replace(target)
    fault_point("link.renamed")


def write_atomically(path: Path, data: bytes) -> None:
    """Write a small file so that readers see the old bytes or the new ones, also after a power cut."""
    with atomic_file(path) as file:
        file.write(data)


@contextmanager
def atomic_file(path: Path) -> Iterator[BinaryIO]:
    """A new file, open for writing, that takes the place of `path` when the block ends well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
    with temporary.open("wb") as file:
        yield file
        file.flush()
        os.fsync(file.fileno())
    fault_point("write.temporary")
    temporary.replace(path)
    fault_point("write.renamed")
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """fsync a folder, so that renames inside it survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
