"""The footage under `data/raw`: which files make one unit of ingest, and the digests that enter its key."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from datasets.masks import mask_files
from datasets.media import is_photo, is_video, natural_key, why_unreadable
from datasets.shards import file_digest
from datasets.sidecars import YAML_SUFFIXES, Sidecar, SidecarError, load_sidecar, masks_named_by, sidecar_paths

DigestCache = MutableMapping[str, str]
"""`path|size|mtime_ns` to SHA-256 (hex): spares hashing unchanged files again."""


@dataclass(frozen=True)
class Source:
    """One unit of ingest.

    Attributes:
        kind: `video`, `folder` (images cut like a video) or `photos` (a bucket of loose photos).
        label: for people: the path relative to the root, or `photos-<prefix>`.
        inputs: what the ingest stage opens. A video or folder comes first; a keyed video is followed by the reserved
            backgrounds, a copy by the original it repeats. Photos are ordered by SHA-256. What cannot be read stands
            twice: it is its own and only other.
        digests: everything the unit's rows depend on, as `name:SHA-256` (`name:why` where nothing can be read), sorted.
        size: bytes of the inputs, to start the longest units first.
    """

    kind: Literal["video", "folder", "photos"]
    label: str
    inputs: tuple[Path, ...]
    digests: tuple[str, ...]
    size: int = 0


def printable(text: str) -> str:
    """The text with bytes of a file name that are no UTF-8 spelled out (`\\udce9`): Parquet holds text only."""
    return text.encode("utf-8", "backslashreplace").decode()


def label_of(path: Path, root: Path) -> str:
    """The path relative to `root` with `/`, or the bare name of a path outside it."""
    inside = path.is_relative_to(root) and path != root
    return printable(path.relative_to(root).as_posix() if inside else path.name)


def folder_frames(folder: Path) -> list[Path]:
    """The images of a folder in natural name order; what is no readable file is left out."""
    frames = (p for p in folder.iterdir() if is_photo(p) and not _ignored(p.name) and why_unreadable(p) is None)
    return sorted(frames, key=natural_key)


def folder_digest(digests: Sequence[str]) -> str:
    """The source hash of a folder: SHA-256 over the sorted hashes of its images."""
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


def find_sources(
    raw: Path,
    paths: Sequence[Path] = (),
    *,
    stills: bool = False,
    bucket_digits: int = 1,
    digests: DigestCache | None = None,
) -> list[Source]:
    """The sources in `paths` (files, and folders searched through; default all of `raw`), ordered by label.

    A folder below `raw` that holds at least two images and no video is one source, cut like a video, unless `stills`,
    its sidecar's `stills: true` or `role: background`, or a sidecar of one of its images say that they are unrelated.
    All other images are loose photos. Hidden files, READMEs and masks named by sidecars are passed over. A broken
    sidecar is left for ingest to report, and so is what is named like footage but cannot be read, a folder that cannot
    be searched, and a link to a folder, which is not followed.

    Photos share a bucket by the first `bucket_digits` hex digits of their SHA-256: a fixed rule, never a count, so that
    a new photo touches one bucket.
    """
    finder = _Finder(raw, stills, bucket_digits, {} if digests is None else digests)
    places = tuple(paths) or (raw,)
    strays: list[Path] = []
    tree = [(folder, names) for path in places if path.is_dir() for folder, names in _walk(path, strays)]
    masks = _mask_paths([folder / name for folder, names in tree for name in names])
    for path in dict.fromkeys((*places, *strays)):
        if path in strays:
            finder.add_unreadable(path)
        elif not path.is_dir():
            finder.add(path)
    for folder, names in tree:
        media = [folder / name for name in names if not _masked(folder / name, masks)]
        if finder.is_sequence(folder, media):
            finder.add(folder)
            for path in media:
                if is_photo(path) and why_unreadable(path) is not None:
                    finder.add_unreadable(path)
        else:
            for path in media:
                finder.add(path)
    return finder.sources()


class _Finder:
    """Collects videos, folders and photos, then packs them into sources."""

    def __init__(self, root: Path, stills: bool, bucket_digits: int, cache: DigestCache) -> None:
        self._root, self._stills, self._bucket_digits, self._cache = root, stills, bucket_digits, cache
        self._units: list[tuple[str, Path, str]] = []
        self._photos: list[tuple[str, Path]] = []
        self._unreadable: list[Path] = []

    def is_sequence(self, folder: Path, media: Sequence[Path]) -> bool:
        photos = [path for path in media if is_photo(path)]
        if self._stills or folder == self._root or len(photos) < 2 or any(is_video(path) for path in media):
            return False
        described = {path.stem for path in media if path.suffix in YAML_SUFFIXES}
        sidecar = self._sidecar(folder)
        return not (sidecar.stills or sidecar.role == "background" or described & {path.stem for path in photos})

    def add_unreadable(self, path: Path) -> None:
        self._unreadable.append(path)

    def add(self, path: Path) -> None:
        if (is_video(path) or is_photo(path)) and not path.is_dir() and why_unreadable(path) is not None:
            self.add_unreadable(path)
        elif path.is_dir():
            digest = folder_digest([self._digest(frame) for frame in folder_frames(path)])
            self._units.append((label_of(path, self._root), path, digest))
        elif is_video(path):
            self._units.append((label_of(path, self._root), path, self._digest(path)))
        elif is_photo(path):
            self._photos.append((self._digest(path), path))

    def sources(self) -> list[Source]:
        reserved = [path for _, path in sorted(self._photos) if self._is_reserved(path)]
        found, originals = [self._stray(path) for path in self._unreadable], dict[str, Path]()
        for label, path, digest in sorted(self._units):
            original = originals.setdefault(digest, path)
            others = [original] if original != path else reserved if self._sidecar(path).keyed else []
            names = {n for file in (path, *others) for n in self._dependencies(file)}
            kind: Literal["video", "folder"] = "folder" if path.is_dir() else "video"
            found.append(self._source(kind, label, (path, *others), {f"{label}:{digest}", *names}))
        buckets: dict[str, list[Path]] = {}
        for digest, path in sorted(self._photos):
            buckets.setdefault(digest[: self._bucket_digits], []).append(path)
        for prefix, photos in buckets.items():
            names = {n for file in photos for n in self._dependencies(file)}
            found.append(self._source("photos", f"photos-{prefix}", tuple(photos), names))
        return sorted(found, key=lambda source: source.label)

    def _source(
        self, kind: Literal["video", "folder", "photos"], label: str, inputs: tuple[Path, ...], digests: set[str]
    ) -> Source:
        return Source(kind, label, inputs, tuple(sorted(digests)), sum(path.stat().st_size for path in inputs))

    def _stray(self, path: Path) -> Source:
        label = label_of(path, self._root)
        return Source("video", label, (path, path), (printable(f"{label}:{why_unreadable(path)}"),))

    def _dependencies(self, path: Path) -> Iterator[str]:
        """`name:digest` of the media at `path`, of its sidecars and of its masks."""
        frames = folder_frames(path) if path.is_dir() else [path]
        masks = self._sidecar(path).masks
        masked = [] if masks is None else mask_files(masks, path.stem if is_photo(path) else None)
        for file in (*frames, *sidecar_paths(path, self._root), *masked):
            # a sidecar or mask that cannot be read is ingest's to report
            yield printable(f"{label_of(file, self._root)}:{why_unreadable(file) or self._digest(file)}")

    def _is_reserved(self, path: Path) -> bool:
        sidecar = self._sidecar(path)
        return sidecar.role == "background" and sidecar.split == "test"

    def _sidecar(self, path: Path) -> Sidecar:
        try:
            return load_sidecar(path, self._root)
        except SidecarError:
            return Sidecar()  # ingest reads it again and reports the error with its name

    def _digest(self, path: Path) -> str:
        stat = path.stat()
        key = f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"
        if key not in self._cache:
            self._cache[key] = file_digest(path)
        return self._cache[key]


def _walk(folder: Path, strays: list[Path]) -> Iterator[tuple[Path, list[str]]]:
    """`(folder, file names)` below and including `folder`, sorted, without hidden ones and READMEs.

    Adds to `strays` the folders that cannot be searched, links to folders, and empty folders with a file's suffix.
    """

    def not_searched(error: OSError) -> None:
        strays.append(Path(error.filename))

    for place, folders, names in os.walk(folder, onerror=not_searched):
        here = Path(place)
        folders[:] = sorted(name for name in folders if not _ignored(name))
        strays += [here / name for name in folders if (here / name).is_symlink()]
        if (is_video(here) or is_photo(here)) and not folders and not names:
            strays.append(here)
        yield here, sorted(name for name in names if not _ignored(name))


def _ignored(name: str) -> bool:
    return name.startswith((".", "README"))


def _mask_paths(files: Sequence[Path]) -> set[Path]:
    """Masks that the sidecars among `files` name: they are no footage."""
    found = set()
    for path in files:
        if path.suffix in YAML_SUFFIXES:
            try:
                masks = masks_named_by(path)
            except SidecarError:
                continue  # reported by ingest for the footage that it speaks for
            if masks is not None:
                found.add(_place(masks))
    return found


def _masked(path: Path, masks: set[Path]) -> bool:
    return bool(masks) and any(place in masks for place in (_place(path), *_place(path).parents))


def _place(path: Path) -> Path:
    """Absolute, without `..`; a file that is itself a link (into DVC's cache) keeps its own name."""
    return path.parent.resolve() / path.name
