"""The cache: one download a package, nothing half-written under a final name, nothing unverified."""

from __future__ import annotations

import hashlib
import io
import tarfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.asset_cache import AssetCache, default_folder
from pipeline.assets import Asset, Package
from pipeline.registries import RegistryError

CONTENT = {"one": b"first weights", "two": b"second weights", "big": b"large weights"}


def asset(name: str, **changes: Any) -> Asset:
    sha256 = hashlib.sha256(CONTENT[name]).hexdigest()
    values = {"name": name, "path": f"package/{name}", "sha256": sha256, "licence": "MIT", "source": "test"}
    return Asset(**values | {"target": f"models/{name}.onnx"} | changes)


def package(*assets: Asset) -> Package:
    return Package(kind="npm", name="@demo/nets", version="1.0.0", files=assets)


class FakeRegistry:
    """Counts its downloads; leaves a tarball with the given members."""

    def __init__(self, members: dict[str, bytes] = CONTENT, on_download: Callable[[], None] = lambda: None) -> None:
        self.members, self.on_download, self.downloads = members, on_download, 0

    def __call__(self, package: Package, folder: Path) -> Path:
        assert not list(folder.iterdir()), "clients are promised an empty folder"
        self.downloads += 1
        self.on_download()
        with tarfile.open(folder / "nets.tgz", "w:gz") as archive:
            for name, content in self.members.items():
                info = tarfile.TarInfo(f"package/{name}")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        return folder / "nets.tgz"


def files(folder: Path) -> set[str]:
    return {path.name for path in folder.rglob("*") if path.is_file() and path.suffix != ".lock"}


def test_one_download_yields_every_default_of_the_package(tmp_path: Path) -> None:
    one, two, big = asset("one"), asset("two"), asset("big", default=False)
    registry = FakeRegistry()
    cache = AssetCache(tmp_path, registry)
    assert cache.fill(package(one, two, big), [one]) == {}
    assert cache.path(one).read_bytes() == CONTENT["one"]
    assert cache.has(two)
    assert not cache.has(big)
    assert cache.fill(package(one, two, big), [one, two]) == {}
    assert registry.downloads == 1
    assert files(tmp_path) == {cache.path(one).name, cache.path(two).name}


def test_wrong_bytes_never_get_a_final_name(tmp_path: Path) -> None:
    one, two = asset("one"), asset("two")
    cache = AssetCache(tmp_path, FakeRegistry(CONTENT | {"one": b"tampered"}))
    digest = hashlib.sha256(b"tampered").hexdigest()
    assert cache.fill(package(one, two), [one, two]) == {"one": f"the file in the package has SHA-256 {digest}"}
    assert files(tmp_path) == {cache.path(two).name}


def test_a_damaged_file_is_downloaded_again(tmp_path: Path) -> None:
    one = asset("one")
    cache = AssetCache(tmp_path, FakeRegistry())
    cache.path(one).write_bytes(CONTENT["one"][:5])
    assert not cache.has(one)
    assert cache.fill(package(one), [one]) == {}
    assert cache.has(one)


def test_a_member_that_is_not_in_the_package_is_named(tmp_path: Path) -> None:
    one = asset("one", path="package/elsewhere")
    assert "package/elsewhere" in AssetCache(tmp_path, FakeRegistry()).fill(package(one), [one])["one"]


def test_a_truncated_archive_is_a_reason_not_a_crash(tmp_path: Path) -> None:
    one = asset("one")

    def truncated(package: Package, folder: Path) -> Path:
        archive = FakeRegistry()(package, folder)
        archive.write_bytes(archive.read_bytes()[:-40])
        return archive

    assert AssetCache(tmp_path, truncated).fill(package(one), [one])["one"]
    assert files(tmp_path) == set()


def test_what_a_killed_download_left_is_cleared_away(tmp_path: Path) -> None:
    one = asset("one")

    def killed() -> None:
        (leftover / "nets.tgz.part").write_bytes(b"half")
        raise KeyboardInterrupt

    leftover = tmp_path / "partial" / "npm-@demo-nets-1.0.0"
    with pytest.raises(KeyboardInterrupt):
        AssetCache(tmp_path, FakeRegistry(on_download=killed)).fill(package(one), [one])
    leftover.mkdir(exist_ok=True)
    (leftover / "nets.tgz.part").write_bytes(b"half")  # a SIGKILL leaves no time to tidy up
    assert AssetCache(tmp_path, FakeRegistry()).fill(package(one), [one]) == {}


def test_two_at_once_download_once(tmp_path: Path) -> None:
    one = asset("one")
    registry = FakeRegistry(on_download=lambda: time.sleep(0.2))
    reasons: list[dict[str, str]] = []
    threads = [
        threading.Thread(target=lambda: reasons.append(AssetCache(tmp_path, registry).fill(package(one), [one])))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reasons == [{}, {}, {}]
    assert registry.downloads == 1


def test_an_unreachable_registry_is_a_reason(tmp_path: Path) -> None:
    def unreachable(package: Package, folder: Path) -> Path:
        raise RegistryError("no route")

    one, two = asset("one"), asset("two")
    assert AssetCache(tmp_path, unreachable).fill(package(one, two), [one, two]) == {
        "one": "no route",
        "two": "no route",
    }


def test_the_environment_moves_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUTOROTO_CACHE", str(tmp_path))
    assert default_folder() == tmp_path
    monkeypatch.delenv("AUTOROTO_CACHE")
    monkeypatch.setenv("HOME", "/home/someone")
    assert default_folder() == Path("/home/someone/.cache/autoroto")
