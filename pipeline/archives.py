"""Take single files out of wheels and npm tarballs. Nothing is ever unpacked to a path that the archive chooses.

An archive comes from outside and may be made to do harm: it is read in small pieces, links and devices are refused,
and it may not grow without bound while it is unpacked.
"""

from __future__ import annotations

import gzip
import lzma
import os
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pipeline.assets import Asset

OpenMember = Callable[[str], IO[bytes]]

PIECE = 2**20
"""Bytes read at once: what unpacking holds in memory, whatever an archive declares."""
LEAST_LIMIT, LARGEST_LIMIT, RATIO = 64 * 2**20, 8 * 2**30, 100
"""An archive may grow a hundredfold while it is unpacked, in bytes at least and at most; deflate can do 1000."""
MEMBERS = 200_000
"""Files that an archive may hold: every one of them costs memory before the wanted one is found."""

_BROKEN = (ValueError, LookupError, RuntimeError, OverflowError, struct.error, zlib.error, lzma.LZMAError)
"""What Python's readers let through, besides their own errors, for damaged, encrypted or exotic archives."""


class ArchiveError(OSError):
    """An archive is broken, or made to fill memory or disk. The message names the archive."""


@contextmanager
def open_archive(path: Path) -> Iterator[OpenMember]:
    """A function that opens a member of a wheel (`.whl`) or an npm tarball (`.tgz`) for reading.

    It raises KeyError for a name that is not in the archive or is no regular file (a link may point anywhere).

    Raises:
        ArchiveError, zipfile.BadZipFile, tarfile.TarError, EOFError, OSError: it is broken, or larger than it may be.
    """
    limit = min(max(LEAST_LIMIT, RATIO * path.stat().st_size), LARGEST_LIMIT)
    if path.suffix == ".whl":
        with _explained(path):
            wheel = zipfile.ZipFile(path)
        with wheel:
            yield lambda name: _wheel_member(path, wheel, name, limit)
    else:
        with gzip.open(path) as unzipped:
            stream = _Bounded(path, unzipped, limit)
            with _explained(path):
                tarball = tarfile.TarFile(fileobj=stream)  # type: ignore[arg-type] # all that it needs of a file
                members = dict(_members(path, tarball))
            yield lambda name: _tarball_member(path, tarball, members, name, limit)


def extract(open_member: OpenMember, asset: Asset, to: Path) -> None:
    """Write the asset's bytes (a member, a slice of one, or several joined) to a path of the caller's choice.

    Raises:
        KeyError: the archive has no such member.
        ArchiveError, zipfile.BadZipFile, tarfile.TarError, EOFError, OSError: it is broken, or larger than it may be.
    """
    with to.open("xb") as out:
        for name in asset.path:
            with open_member(name) as member, _explained(name):
                member.seek(asset.offset)
                for piece in _pieces(member, asset.length):
                    out.write(piece)


def _pieces(member: IO[bytes], length: int | None) -> Iterator[bytes]:
    """The next `length` bytes (None: all), a piece at a time."""
    left = length
    while left is None or left > 0:
        piece = member.read(PIECE if left is None else min(PIECE, left))
        if not piece:
            return
        left = None if left is None else left - len(piece)
        yield piece


def _wheel_member(path: Path, wheel: zipfile.ZipFile, name: str, limit: int) -> IO[bytes]:
    info = wheel.getinfo(name)
    kind = stat.S_IFMT(info.external_attr >> 16)
    if info.is_dir() or kind not in (0, stat.S_IFREG):
        raise KeyError(f"{name!r} is no regular file")
    _check_size(path, name, info.file_size, limit)  # the reader stops at the declared size, whatever follows
    with _explained(path):
        return wheel.open(info)


def _tarball_member(
    path: Path, tarball: tarfile.TarFile, members: dict[str, tarfile.TarInfo], name: str, limit: int
) -> IO[bytes]:
    if name not in members:
        raise KeyError(f"filename {name!r} not found")
    member = members[name]
    # a sparse file is terabytes of zeros that the archive does not hold
    stream = tarball.extractfile(member) if member.isreg() and not member.issparse() else None
    if stream is None:
        raise KeyError(f"{name!r} is no regular file")
    _check_size(path, name, member.size, limit)
    return stream


def _members(path: Path, tarball: tarfile.TarFile) -> Iterator[tuple[str, tarfile.TarInfo]]:
    for count, member in enumerate(tarball):
        if count == MEMBERS:
            raise ArchiveError(f"{path.name}: holds more than {MEMBERS} files; it was not unpacked")
        yield member.name, member


def _check_size(path: Path, name: str, size: int, limit: int) -> None:
    if size > limit:
        raise ArchiveError(f"{path.name}: {name!r} would unpack to {size} bytes, at most {limit} are; a bomb?")


@contextmanager
def _explained(what: Path | str) -> Iterator[None]:
    try:
        yield
    except _BROKEN as error:
        name = what.name if isinstance(what, Path) else what
        raise ArchiveError(f"{name}: cannot be unpacked ({error or type(error).__name__}); damaged?") from error


class _Bounded:
    """A stream that may be read in pieces up to a limit: a few kilobytes of gzip can be gigabytes."""

    def __init__(self, path: Path, stream: gzip.GzipFile, limit: int) -> None:
        self._path, self._stream, self._limit = path, stream, limit

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= PIECE + tarfile.RECORDSIZE:
            raise ArchiveError(f"{self._path.name}: a header of {size} bytes; a bomb?")
        self._allow(self._stream.tell() + size)
        return self._stream.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._allow(offset)
        return self._stream.seek(offset, whence)

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._stream.tell()

    def _allow(self, position: int) -> None:
        if position > self._limit + tarfile.RECORDSIZE:
            raise ArchiveError(f"{self._path.name}: unpacks to more than {self._limit} bytes; a bomb?")
