"""`autoroto verify`: every file of the store and every shard of the outs against its digest; damage is set aside."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets.manifest import read_manifest
from datasets.receipt import Receipt, StoredFile
from datasets.store import Store, damaged_files, is_intact
from pipeline.errors import StageError
from pipeline.house import FRAME_STAGES
from pipeline.shards import Shard

Progress = Callable[[int, int, str], None]
"""Called with files checked, files in all, and the stage of the last."""


@dataclass(frozen=True)
class Damage:
    """A file whose bytes are not what its receipt says. `missing`: it is not there at all."""

    stage: str
    path: Path
    missing: bool


@dataclass(frozen=True)
class Verified:
    """What was checked, and what was found damaged and set aside."""

    files: int
    bytes: int
    damaged: tuple[Damage, ...]


def verify(store: Store, root: Path, *, progress: Progress | None = None) -> Verified:
    """Read every file of the store and every shard of the outs; set aside those whose size or SHA-256 is wrong.

    A damaged file goes to the store's `quarantine/`, with every hardlink to it that the outs and DVC's cache hold:
    one inode serves all three, so one flipped byte is flipped in all of them. The receipt and the out are then
    incomplete, and `dvc repro` computes that shard again.
    """
    damaged = [Damage(stage, path, missing=False) for stage, path in _damaged_manifests(root)]
    for damage in damaged:
        set_aside(damage.path, store, root)
    work = [*_in_store(store), *_in_outs(root)]
    for done, (stage, path, file) in enumerate(work, start=1):
        if not path.exists():
            damaged.append(Damage(stage, path, missing=True))
        elif not is_intact(path, file):
            set_aside(path, store, root)
            damaged.append(Damage(stage, path, missing=False))
        if progress is not None:
            progress(done, len(work), stage)
    gone = {damage.path for damage in damaged}
    for _, receipt in list(store.receipts()):
        if not gone.isdisjoint(store.path(receipt.stage, file) for file in receipt.files):
            store.lookup(receipt.stage, receipt.key)  # finds its file gone, and forgets the receipt
    return Verified(len(work), sum(file.size for _, _, file in work), tuple(damaged))


def set_aside(path: Path, store: Store, root: Path) -> None:
    """Move a damaged file to quarantine, and delete its other names in the outs and in DVC's cache.

    They would link the damage back. `dvc repro` finds the file gone and computes it again.
    """
    if path.exists():
        _forget_links(root, path)
        store.quarantine(path)


def check_shards(stage: str, shards: Sequence[Shard], store: Store, root: Path) -> None:
    """Make sure that what a stage is about to read is what was written; damaged shards are set aside.

    Raises:
        StageError: a shard is damaged or missing.
    """
    damaged = damaged_files((shard.path, shard.sha256) for shard in shards)
    for path in damaged:
        set_aside(path, store, root)
    if damaged:
        lines = "\n".join(f"  {path}" for path in damaged)
        raise StageError(
            f"{stage}: {len(damaged)} of its inputs are damaged or missing, and were set aside:\n{lines}\n"
            "Run `dvc repro` again: it makes them anew."
        )


def _in_store(store: Store) -> Iterator[tuple[str, Path, StoredFile]]:
    for _, receipt in store.receipts():
        for file in receipt.files:
            yield receipt.stage, store.path(receipt.stage, file), file


def _damaged_manifests(root: Path) -> Iterator[tuple[str, Path]]:
    for stage in FRAME_STAGES:
        manifest = root / "data" / stage / "manifest.parquet"
        try:
            if manifest.exists():
                read_manifest(manifest)
        except ValueError:
            yield stage, manifest


def _in_outs(root: Path) -> Iterator[tuple[str, Path, StoredFile]]:
    for stage in FRAME_STAGES:
        manifest = root / "data" / stage / "manifest.parquet"
        receipts: list[Receipt] = read_manifest(manifest) if manifest.exists() else []
        for receipt in receipts:
            for file in receipt.files:
                yield stage, manifest.parent / receipt.folder / file.name, file


def _forget_links(root: Path, path: Path) -> None:
    """Delete every other name of the file in the outs and in DVC's cache, which would link the damage back."""
    for folder in (root / "data", root / ".dvc" / "cache"):
        for found in folder.rglob("*") if path.stat().st_nlink > 1 else ():
            if found != path and found.is_file() and found.samefile(path):
                found.unlink()
