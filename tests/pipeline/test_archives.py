"""Taking files out of wheels and tarballs."""

from __future__ import annotations

import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pipeline.archives import extract, open_archive
from pipeline.assets import Asset


def asset(path: str | list[str], **changes: Any) -> Asset:
    values = {"name": "net", "path": path, "sha256": "0" * 64, "licence": "MIT", "source": "test"}
    return Asset(**values, target="models/net.bin", **changes)


def tarball(path: Path, members: dict[str, bytes], link: str | None = None) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
        if link is not None:
            info = tarfile.TarInfo("package/link")
            info.type, info.linkname = tarfile.SYMTYPE, link
            archive.addfile(info)
    return path


def wheel(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.fixture(params=["a.whl", "a.tgz"])
def archive(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    members = {"package/a": b"0123456789", "package/b": b"abc"}
    return (wheel if request.param.endswith(".whl") else tarball)(tmp_path / request.param, members)


@pytest.mark.parametrize(
    ("wanted", "content"),
    [
        (asset("package/a"), b"0123456789"),
        (asset("package/a", offset=7), b"789"),
        (asset("package/a", offset=2, length=3), b"234"),
        (asset(["package/b", "package/a", "package/b"]), b"abc0123456789abc"),
    ],
)
def test_a_file_is_a_member_or_a_slice_or_several_joined(
    archive: Path, tmp_path: Path, wanted: Asset, content: bytes
) -> None:
    with open_archive(archive) as open_member:
        extract(open_member, wanted, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == content


def test_a_missing_member_is_named(archive: Path, tmp_path: Path) -> None:
    with open_archive(archive) as open_member, pytest.raises(KeyError, match="package/c"):
        extract(open_member, asset("package/c"), tmp_path / "out")


def test_a_link_out_of_the_tarball_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("not yours")
    path = tarball(tmp_path / "a.tgz", {}, link=str(tmp_path / "secret"))
    with open_archive(path) as open_member, pytest.raises(KeyError, match="no regular file"):
        extract(open_member, asset("package/link"), tmp_path / "out")


def test_a_member_that_climbs_out_lands_where_the_caller_says(tmp_path: Path) -> None:
    path = tarball(tmp_path / "a.tgz", {"../../climbed": b"x"})
    (tmp_path / "in").mkdir()
    with open_archive(path) as open_member:
        extract(open_member, asset("../../climbed"), tmp_path / "in" / "out")
    assert sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")) == ["a.tgz", "in", "in/out"]
