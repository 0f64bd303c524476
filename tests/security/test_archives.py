"""Nothing is unpacked where an archive says, and no archive may ask for more than a file is worth."""

from __future__ import annotations

import io
import random
import re
import stat
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from pipeline import archives
from pipeline.archives import ArchiveError, extract, open_archive
from pipeline.asset_cache import AssetCache
from pipeline.assets import Asset, Package


def wanted(path: str, sha256: str = "0" * 64, **changes: Any) -> Asset:
    return Asset(name="net", path=path, sha256=sha256, licence="MIT", source="test", target="models/net.bin", **changes)


def tarball(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for info, content in members:
            archive.addfile(info, io.BytesIO(content))
    return path


def entry(name: str, content: bytes = b"", **fields: Any) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    for field, value in fields.items():
        setattr(info, field, value)
    return info, content


def wheel(path: Path, name: str, content: bytes, mode: int = 0) -> Path:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return path


def reasons(archive: Path, asset: Asset, cache: Path) -> dict[str, str]:
    """Why the asset cannot be had from this archive; the cache then holds no file."""
    package = Package(kind="pypi", name="p", version="1", files=(asset,))
    found = AssetCache(cache, lambda package, folder: archive).fill(package, [asset])
    files = [path for path in cache.rglob("*") if not path.is_dir() and path.suffix != ".lock"]
    assert bool(found) != bool(files), files
    return found


def tree(root: Path) -> set[str]:
    return {path.relative_to(root).as_posix() for path in root.rglob("*")}


NAMES = (
    "../climbed", "../../climbed", "a/../../climbed", "..\\climbed", "{root}/absolute", "~/home", "C:\\x", "$(touch p)",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["whl", "tgz"])
def test_a_member_lands_where_the_cache_says_whatever_its_name(kind: str, name: str, tmp_path: Path) -> None:
    name = name.format(root=tmp_path)
    made = tmp_path / f"a.{kind}"
    archive = wheel(made, name, b"x") if kind == "whl" else tarball(made, entry(name, b"x"))
    before = tree(tmp_path)
    digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"  # of "x"
    assert reasons(archive, wanted(name, digest), tmp_path / "cache") == {}
    left = {path for path in tree(tmp_path) - before if not path.endswith(".lock")}
    assert left == {"cache", "cache/partial", f"cache/net-{digest[:16]}.bin"}


@pytest.mark.parametrize(
    "fields",
    [
        {"type": tarfile.SYMTYPE, "linkname": "/etc/passwd"},
        {"type": tarfile.SYMTYPE, "linkname": "../../secret"},
        {"type": tarfile.LNKTYPE, "linkname": "/etc/passwd"},
        {"type": tarfile.LNKTYPE, "linkname": "../secret"},
        {"type": tarfile.CHRTYPE, "devmajor": 1, "devminor": 5},
        {"type": tarfile.BLKTYPE, "devmajor": 8, "devminor": 0},
        {"type": tarfile.FIFOTYPE},
        {"type": tarfile.DIRTYPE},
    ],
)
def test_links_and_devices_of_a_tarball_are_refused(fields: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("not yours")
    archive = tarball(tmp_path / "a.tgz", entry("package/x", **fields))
    assert "no regular file" in reasons(archive, wanted("package/x"), tmp_path / "cache")["net"]


@pytest.mark.parametrize("mode", [stat.S_IFLNK | 0o777, stat.S_IFCHR | 0o666, stat.S_IFIFO | 0o666])
def test_links_and_devices_of_a_wheel_are_refused(mode: int, tmp_path: Path) -> None:
    archive = wheel(tmp_path / "a.whl", "x", b"/etc/passwd", mode)
    assert "no regular file" in reasons(archive, wanted("x"), tmp_path / "cache")["net"]


def zeros(count: int) -> bytes:
    return bytes(count)


@pytest.mark.parametrize("kind", ["whl", "tgz"])
def test_a_bomb_is_not_unpacked(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "LEAST_LIMIT", 2**20)
    content, made = zeros(2**24), tmp_path / f"a.{kind}"
    archive = wheel(made, "x", content) if kind == "whl" else tarball(made, entry("x", content))
    assert archive.stat().st_size * archives.RATIO < len(content)
    assert "a bomb?" in reasons(archive, wanted("x"), tmp_path / "cache")["net"]


def test_what_grows_as_files_do_is_unpacked(tmp_path: Path) -> None:
    content = random.Random(0).randbytes(3 * archives.PIECE)
    archive = tarball(tmp_path / "a.tgz", entry("x", content), entry("y", b"y"))
    digest = "a1fce4363854ff888cff4b8e7875d600c2682390412a8cf79b37d0b11148b0fa"  # of "y"
    assert reasons(archive, wanted("y", digest), tmp_path / "cache") == {}
    with open_archive(archive) as open_member:
        extract(open_member, wanted("x", offset=7, length=2 * archives.PIECE), tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == content[7 : 7 + 2 * archives.PIECE]


def test_a_wheel_member_larger_than_it_says_is_cut_and_refused(tmp_path: Path) -> None:
    archive = wheel(tmp_path / "a.whl", "x", zeros(2**22))
    data = bytearray(archive.read_bytes())
    for place in [match.start() for match in re.finditer(re.escape((2**22).to_bytes(4, "little")), bytes(data))]:
        data[place : place + 4] = (10).to_bytes(4, "little")  # the sizes in both headers
    archive.write_bytes(data)
    assert "CRC" in reasons(archive, wanted("x"), tmp_path / "cache")["net"]
    with open_archive(archive) as open_member, pytest.raises(zipfile.BadZipFile):
        extract(open_member, wanted("x"), tmp_path / "out")
    assert (tmp_path / "out").stat().st_size <= 10


def test_a_sparse_member_of_a_terabyte_is_refused(tmp_path: Path) -> None:
    info, content = entry("x", b"1\n0\n1\n".ljust(512, b"\0") + b"x".ljust(512, b"\0"))
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(2**40)}
    info.pax_headers |= {"GNU.sparse.name": "x"}
    with tarfile.open(tmp_path / "a.tgz", "w:gz", format=tarfile.PAX_FORMAT) as archive:
        archive.addfile(info, io.BytesIO(content))
    assert "no regular file" in reasons(tmp_path / "a.tgz", wanted("x"), tmp_path / "cache")["net"]


def test_a_header_that_asks_for_memory_is_refused(tmp_path: Path) -> None:
    """The reader takes a long name or a table of attributes into memory as a whole."""
    long = tarball(tmp_path / "a.tgz", entry("x", zeros(archives.PIECE * 2), type=tarfile.GNUTYPE_LONGNAME), entry("x"))
    with pytest.raises(ArchiveError, match="a header of"), open_archive(long):
        pass
    assert "a header of" in reasons(long, wanted("x"), tmp_path / "cache")["net"]


def test_too_many_members_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MEMBERS", 3)
    archive = tarball(tmp_path / "a.tgz", *(entry(f"x{n}") for n in range(4)))
    assert "more than 3 files" in reasons(archive, wanted("x0"), tmp_path / "cache")["net"]


@pytest.mark.parametrize("kind", ["whl", "tgz"])
def test_a_damaged_archive_is_a_reason_and_never_a_crash(kind: str, tmp_path: Path) -> None:
    made, content = tmp_path / f"a.{kind}", b"content " * 40
    archive = wheel(made, "x", content) if kind == "whl" else tarball(made, entry("é" * 120, b""), entry("x", content))
    data, dice = archive.read_bytes(), random.Random(kind)
    failed = 0
    for _ in range(150):
        broken = bytearray(data[: dice.choice((len(data), len(data), dice.randrange(len(data))))])
        for _ in range(dice.randrange(1, 4)):
            broken[dice.randrange(len(broken) or 1) : 0] = b"" if broken else b"?"
            if broken:
                broken[dice.randrange(len(broken))] = dice.randrange(256)
        archive.write_bytes(broken)
        failed += bool(reasons(archive, wanted("x"), tmp_path / "cache"))
    assert failed == 150  # the digest is wrong in any case


def test_targets_outside_the_outs_are_refused() -> None:
    for target in ("../x", "/etc/x", "models/../x", "models", "data/raw/x.mp4", "models/./x", ".git/config"):
        with pytest.raises(ValueError, match=r"plain relative path|lies outside"):
            Asset(name="net", path="x", sha256="0" * 64, licence="MIT", source="test", target=target)
