"""Fetching into a project: complete, repeatable, resumable, and careful with files that are not its own."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.asset_cache import Download
from pipeline.assets import LockError, Package
from pipeline.fetch import Fetched, FetchError, fetch, fetch_asset
from pipeline.registries import RegistryError

CLIP, NET, BIG = b"a clip", b"a network", b"a large network"


def entry(name: str, content: bytes, target: str, **changes: Any) -> dict[str, Any]:
    digest = hashlib.sha256(content).hexdigest()
    values = {"name": name, "path": f"package/{name}", "sha256": digest, "licence": "MIT", "source": "test"}
    return values | {"target": target} | changes


def packages() -> dict[str, list[dict[str, Any]]]:
    """One package with footage, one with a default model and one that is off."""
    clip = entry("clip", CLIP, "data/raw/demo/clip.mp4", sidecar={"subject": "someone", "split": "train"})
    nets = [entry("net", NET, "models/net.onnx"), entry("big", BIG, "models/big.onnx", default=False)]
    return {"footage": [clip], "nets": nets}


class Project:
    """A project folder with its lock, a cache, and a registry that serves what `content` says."""

    def __init__(self, folder: Path) -> None:
        self.root, self.cache, self.lock = folder / "project", folder / "cache", folder / "assets.yaml"
        self.content = {"clip": CLIP, "net": NET, "big": BIG}
        self.downloads: list[str] = []
        self.offline: set[str] = set()
        self.write_lock(packages())

    def write_lock(self, packages: dict[str, list[dict[str, Any]]]) -> None:
        listed = [{"kind": "npm", "name": n, "version": "1.0.0", "files": files} for n, files in packages.items()]
        self.lock.write_text(yaml.safe_dump({"packages": listed}))

    def download(self, package: Package, folder: Path) -> Path:
        if package.name in self.offline:
            raise RegistryError("no route")
        self.downloads.append(package.name)
        with tarfile.open(folder / "package.tgz", "w:gz") as archive:
            for name, content in self.content.items():
                info = tarfile.TarInfo(f"package/{name}")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        return folder / "package.tgz"

    def fetch(self, names: list[str] | None = None, **options: Any) -> dict[str, str]:
        download: Download = self.download
        options = {"lock": self.lock, "cache": self.cache, "download": download} | options
        return {fetched.name: fetched.origin for fetched in fetch(self.root, names=names, **options)}

    def files(self) -> dict[str, bytes]:
        paths = [path for folder in ("models", "data") for path in (self.root / folder).rglob("*") if path.is_file()]
        return {path.relative_to(self.root).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_the_defaults_and_their_sidecars_are_installed(project: Project) -> None:
    steps: list[tuple[int, int]] = []
    origins = project.fetch(progress=lambda done, total: steps.append((done, total)))
    assert origins == {"clip": "download", "net": "download"}
    assert steps == [(0, 2), (1, 2), (2, 2)]
    files = project.files()
    sidecar = yaml.safe_load(files.pop("data/raw/demo/clip.yaml"))
    assert files == {"data/raw/demo/clip.mp4": CLIP, "models/net.onnx": NET}
    assert sidecar == {"subject": "someone", "split": "train", "licence": ["MIT"], "source": "test"}


def test_what_is_off_is_fetched_by_name(project: Project) -> None:
    assert project.fetch(["big", "clip"]) == {"clip": "download", "big": "download"}
    assert "models/net.onnx" not in project.files()


def test_fetching_again_touches_nothing(project: Project) -> None:
    project.fetch()
    before = {path: (project.root / path).stat().st_mtime_ns for path in project.files()}
    assert project.fetch() == {"clip": "present", "net": "present"}
    assert before == {path: (project.root / path).stat().st_mtime_ns for path in project.files()}
    assert sorted(project.downloads) == ["footage", "nets"]


def test_another_project_is_served_from_the_cache(project: Project, tmp_path: Path) -> None:
    project.fetch()
    first = project.files()
    project.root = tmp_path / "another"
    assert project.fetch() == {"clip": "cache", "net": "cache"}
    assert project.files() == first


def test_a_damaged_file_is_replaced_without_writing_through_its_links(project: Project, tmp_path: Path) -> None:
    project.fetch()
    net, link = project.root / "models/net.onnx", tmp_path / "dvc-cache"
    net.write_bytes(b"damaged")
    os.link(net, link)
    net.chmod(0o444)
    assert project.fetch() == {"clip": "present", "net": "cache"}
    assert net.read_bytes() == NET
    assert link.read_bytes() == b"damaged"


def test_one_unreachable_package_stops_no_other_and_the_message_says_what_to_do(project: Project) -> None:
    project.offline = {"nets"}
    with pytest.raises(FetchError) as error:
        project.fetch()
    digest = hashlib.sha256(NET).hexdigest()
    by_hand = project.cache / f"net-{digest[:16]}.onnx"
    assert str(error.value) == (
        f"net cannot be had from npm nets 1.0.0 (no route); put the file with SHA-256 {digest} "
        f"at models/net.onnx (or at {by_hand}) and run again"
    )
    assert set(project.files()) == {"data/raw/demo/clip.mp4", "data/raw/demo/clip.yaml"}
    by_hand.write_bytes(NET)
    assert project.fetch() == {"clip": "present", "net": "cache"}
    assert project.downloads == ["footage"]


def test_a_file_put_in_place_by_hand_is_enough(project: Project) -> None:
    project.offline = {"nets"}
    (project.root / "models").mkdir(parents=True)
    (project.root / "models/net.onnx").write_bytes(NET)
    assert project.fetch() == {"clip": "download", "net": "present"}


def test_tampered_bytes_are_not_installed(project: Project) -> None:
    project.content["net"] = b"something else"
    with pytest.raises(FetchError, match=r"net cannot be had .*the file in the package has SHA-256"):
        project.fetch()
    assert "models/net.onnx" not in project.files()


def test_a_killed_copy_is_cleared_away(project: Project) -> None:
    partial = project.root / "models/.net.onnx.partial"
    partial.parent.mkdir(parents=True)
    partial.write_bytes(NET[:3])
    project.fetch()
    assert not partial.exists()


def test_only_its_own_unchanged_files_are_removed(project: Project) -> None:
    project.fetch(["clip", "net", "big"])
    (project.root / "models/mine.onnx").write_bytes(b"the user's")
    (project.root / "models/big.onnx").write_bytes(b"the user's now")
    project.write_lock({"other": [entry("new", NET, "models/new.onnx", path="package/net")]})
    project.fetch()
    assert project.files() == {
        "models/mine.onnx": b"the user's",
        "models/big.onnx": b"the user's now",
        "models/new.onnx": NET,
    }


def test_a_changed_sidecar_is_rewritten(project: Project) -> None:
    project.fetch()
    changed = packages()
    changed["footage"][0]["sidecar"]["split"] = "test"
    project.write_lock(changed)
    assert project.fetch() == {"clip": "present", "net": "present"}
    assert yaml.safe_load(project.files()["data/raw/demo/clip.yaml"])["split"] == "test"


def test_an_unknown_name_is_refused_before_anything_is_fetched(project: Project) -> None:
    with pytest.raises(LockError, match="no asset named nets"):
        project.fetch(["net", "nets"])
    assert project.downloads == []


def test_results_come_in_the_locks_order(project: Project) -> None:
    fetched = fetch(project.root, lock=project.lock, cache=project.cache, download=project.download)
    assert fetched == [
        Fetched("clip", project.root / "data/raw/demo/clip.mp4", "download"),
        Fetched("net", project.root / "models/net.onnx", "download"),
    ]


def test_fetch_asset_gives_a_verified_file_of_the_cache(project: Project) -> None:
    options: dict[str, Any] = {"lock": project.lock, "cache": project.cache, "download": project.download}
    path = fetch_asset("net", **options)
    assert path.read_bytes() == NET
    assert path.suffix == ".onnx"
    assert fetch_asset("net", **options) == path
    assert project.downloads == ["nets"]
    project.offline = {"nets"}
    with pytest.raises(FetchError, match="big cannot be had from npm nets"):
        fetch_asset("big", **options)
