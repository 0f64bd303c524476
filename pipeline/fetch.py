"""Put the locked assets where the project expects them: cached, verified, resumable, parallel over packages."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from datasets.faults import fault_point
from datasets.store import write_atomically
from pipeline.asset_cache import AssetCache, Download, is_intact
from pipeline.assets import LOCK, TARGET_FOLDERS, Asset, AssetLock, Package
from pipeline.registries import download

Origin = Literal["present", "cache", "download"]

DOWNLOADS_AT_ONCE = 4
RECEIPT = Path(".autoroto/fetched.json")
"""Digests of the files that fetching wrote, by path in the project: only those may it remove."""


class FetchError(RuntimeError):
    """Assets cannot be had. The message says why and where to put each file by hand; all others are in place."""


@dataclass(frozen=True)
class Fetched:
    """An asset in its place. `origin`: it already was, it came from the cache, or its package was downloaded."""

    name: str
    path: Path
    origin: Origin


def fetch(
    root: Path,
    *,
    names: Collection[str] | None = None,
    lock: Path = LOCK,
    cache: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    download: Download = download,
) -> list[Fetched]:
    """Install assets (the default ones unless named) and their sidecars under `root`; returns them in the lock's order.

    What is in place with the right digest is left alone, so that a killed run goes on where it was. Files that an
    earlier fetch wrote and the lock no longer names are removed, unless they were changed since. `progress` is told
    how many assets of how many are in place.

    Raises:
        FetchError: some cannot be had; everything else was installed.
        LockError: the lock is not valid, or has no asset of a name.
    """
    locked, store = AssetLock.read(lock), AssetCache(cache, download)
    wanted = locked.select(names)
    origins: dict[str, Origin] = {a.name: "present" for a in wanted if is_intact(root / a.target, a.sha256)}
    work = [(package, assets) for package in locked.packages if (assets := _of(package, wanted, origins))]
    problems: dict[str, str] = {}
    report = progress or (lambda done, total: None)
    report(len(origins), len(wanted))
    with ThreadPoolExecutor(DOWNLOADS_AT_ONCE) as pool:
        running = {pool.submit(_install, root, store, package, assets): package for package, assets in work}
        for finished in as_completed(running):
            installed, reasons = finished.result()
            origins |= installed
            problems |= {name: _advice(running[finished], name, why, store) for name, why in reasons.items()}
            report(len(origins), len(wanted))
    in_place = [asset for asset in wanted if asset.name in origins]
    _write_sidecars(root, in_place)
    _settle(root, locked, in_place)
    if problems:
        raise FetchError("\n".join(problems[asset.name] for asset in wanted if asset.name in problems))
    return [Fetched(asset.name, root / asset.target, origins[asset.name]) for asset in in_place]


def fetch_asset(name: str, *, lock: Path = LOCK, cache: Path | None = None, download: Download = download) -> Path:
    """A verified file in the cache, downloaded if need be. Read it, never write it. Safe to call from many processes.

    Raises:
        FetchError: it cannot be had.
        LockError: the lock is not valid, or has no such asset.
    """
    locked, store = AssetLock.read(lock), AssetCache(cache, download)
    (asset,) = locked.select([name])
    package = next(package for package in locked.packages if asset in package.files)
    reasons = store.fill(package, [asset])
    if reasons:
        raise FetchError(_advice(package, name, reasons[name], store))
    return store.path(asset)


def _of(package: Package, wanted: Sequence[Asset], but: Collection[str]) -> list[Asset]:
    return [asset for asset in wanted if asset in package.files and asset.name not in but]


def _install(
    root: Path, store: AssetCache, package: Package, assets: Sequence[Asset]
) -> tuple[dict[str, Origin], dict[str, str]]:
    """Bring assets of one package into place; returns their origins, and why the others cannot be had."""
    cached = [asset for asset in assets if store.has(asset)]
    reasons = store.fill(package, assets) if len(cached) < len(assets) else {}
    installed = [asset for asset in assets if asset.name not in reasons]
    for asset in installed:
        _copy(store.path(asset), root / asset.target)
    return {asset.name: "cache" if asset in cached else "download" for asset in installed}, reasons


def _copy(source: Path, target: Path) -> None:
    # never opened for writing under its own name: DVC may have linked that inode into its cache. The other name is
    # fixed, so that the next run replaces what a killed one left.
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    partial.unlink(missing_ok=True)
    shutil.copyfile(source, partial)
    fault_point("fetch.partial")
    partial.replace(target)
    fault_point("fetch.renamed")


def _write_sidecars(root: Path, assets: Sequence[Asset]) -> None:
    for asset in assets:
        if asset.sidecar_target is not None:
            path, content = root / asset.sidecar_target, asset.sidecar_bytes()
            for left in path.parent.glob(f".{path.name}.*"):
                left.unlink()  # a killed fetch was about to rename it
            if not path.is_file() or path.read_bytes() != content:
                write_atomically(path, content)


def _settle(root: Path, locked: AssetLock, in_place: Sequence[Asset]) -> None:
    """Note what was written, and remove what an earlier fetch wrote and the lock no longer names."""
    receipt = root / RECEIPT
    written: dict[str, str] = json.loads(receipt.read_text()) if receipt.exists() else {}
    for asset in in_place:
        written[asset.target] = asset.sha256
        if asset.sidecar_target is not None:
            written[asset.sidecar_target] = hashlib.sha256(asset.sidecar_bytes()).hexdigest()
    named = {target for asset in locked for target in (asset.target, asset.sidecar_target)}
    for target in sorted(written.keys() - named):
        digest = written.pop(target)
        inside = any(Path(target).is_relative_to(folder) for folder in TARGET_FOLDERS)
        if inside and is_intact(root / target, digest):
            (root / target).unlink()
    write_atomically(receipt, json.dumps(written, indent=1, sort_keys=True).encode())


def _advice(package: Package, name: str, reason: str, store: AssetCache) -> str:
    asset = next(asset for asset in package.files if asset.name == name)
    return (
        f"{name} cannot be had from {package} ({reason}); put the file with SHA-256 {asset.sha256} "
        f"at {asset.target} (or at {store.path(asset)}) and run again"
    )
