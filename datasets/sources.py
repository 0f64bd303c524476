"""The footage under `data/raw`: which files make one unit of ingest, and the digests that enter its key."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from datasets.masks import mask_files
from datasets.media import is_photo, is_video, natural_key
from datasets.shards import file_digest
from datasets.sidecars import YAML_SUFFIXES, Sidecar, SidecarError, load_sidecar, masks_named_by, sidecar_paths

DigestCache = MutableMapping[str, str]
"""`path|size|mtime_ns` to SHA-256 (hex): spares hashing unchanged files again."""

BUCKET_DIGITS = 2
"""Photos share a bucket by the leading hex digits of their SHA-256: a fixed rule, so a new photo touches one bucket."""


@dataclass(frozen=True)
class Source:
    """One unit of ingest.

    Attributes:
        kind: `video`, `folder` (images cut like a video) or `photos` (a bucket of loose photos).
        label: for people: the path relative to the root, or `photos-<prefix>`.
        inputs: what the ingest stage opens. A video or folder comes first; a keyed video is followed by the reserved
            backgrounds, a copy by the original it repeats. Photos are ordered by SHA-256.
        digests: everything the unit's rows depend on, as `name:SHA-256`, sorted.
    """

    kind: Literal["video", "folder", "photos"]
    label: str
    inputs: tuple[Path, ...]
    digests: tuple[str, ...]


def label_of(path: Path, root: Path) -> str:
    """The path relative to `root` with `/`, or the bare name of a path outside it."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) and path != root else path.name


def folder_frames(folder: Path) -> list[Path]:
    """The images of a folder in natural name order."""
    return sorted((p for p in folder.iterdir() if is_photo(p) and not _ignored(p.name)), key=natural_key)


def folder_digest(digests: Sequence[str]) -> str:
    """The source hash of a folder: SHA-256 over the sorted hashes of its images."""
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


def find_sources(
    raw: Path, paths: Sequence[Path] = (), *, stills: bool = False, digests: DigestCache | None = None
) -> list[Source]:
    """The sources in `paths` (files, and folders searched through; default all of `raw`), ordered by label.

    A folder below `raw` that holds at least two images and no video is one source, cut like a video, unless `stills`,
    its sidecar's `stills: true` or `role: background`, or a sidecar of one of its images say that they are unrelated.
    All other images are loose photos. Hidden files, READMEs and masks named by sidecars are passed over. A broken
    sidecar is left for ingest to report.
    """
    finder = _Finder(raw, stills, {} if digests is None else digests)
    places = tuple(paths) or (raw,)
    tree = [(folder, names) for path in places if path.is_dir() for folder, names in _walk(path)]
    masks = _mask_paths([folder / name for folder, names in tree for name in names])
    for path in places:
        if path.is_file():
            finder.add(path)
    for folder, names in tree:
        media = [folder / name for name in names if not _masked(folder / name, masks)]
        if finder.is_sequence(folder, media):
            finder.add(folder)
        else:
            for path in media:
                finder.add(path)
    return finder.sources()


class _Finder:
    """Collects videos, folders and photos, then packs them into sources."""

    def __init__(self, root: Path, stills: bool, cache: DigestCache) -> None:
        self._root, self._stills, self._cache = root, stills, cache
        self._units: list[tuple[str, Path, str]] = []
        self._photos: list[tuple[str, Path]] = []

    def is_sequence(self, folder: Path, media: Sequence[Path]) -> bool:
        photos = [path for path in media if is_photo(path)]
        if self._stills or folder == self._root or len(photos) < 2 or any(is_video(path) for path in media):
            return False
        described = {path.stem for path in media if path.suffix in YAML_SUFFIXES}
        sidecar = self._sidecar(folder)
        return not (sidecar.stills or sidecar.role == "background" or described & {path.stem for path in photos})

    def add(self, path: Path) -> None:
        if path.is_dir():
            digest = folder_digest([self._digest(frame) for frame in folder_frames(path)])
            self._units.append((label_of(path, self._root), path, digest))
        elif is_video(path):
            self._units.append((label_of(path, self._root), path, self._digest(path)))
        elif is_photo(path):
            self._photos.append((self._digest(path), path))

    def sources(self) -> list[Source]:
        reserved = [path for _, path in sorted(self._photos) if self._is_reserved(path)]
        found, originals = [], dict[str, Path]()
        for label, path, digest in sorted(self._units):
            original = originals.setdefault(digest, path)
            others = [original] if original != path else reserved if self._sidecar(path).keyed else []
            names = {n for file in (path, *others) for n in self._dependencies(file)}
            kind: Literal["video", "folder"] = "folder" if path.is_dir() else "video"
            found.append(Source(kind, label, (path, *others), tuple(sorted({f"{label}:{digest}", *names}))))
        buckets: dict[str, list[Path]] = {}
        for digest, path in sorted(self._photos):
            buckets.setdefault(digest[:BUCKET_DIGITS], []).append(path)
        for prefix, photos in buckets.items():
            names = {n for file in photos for n in self._dependencies(file)}
            found.append(Source("photos", f"photos-{prefix}", tuple(photos), tuple(sorted(names))))
        return sorted(found, key=lambda source: source.label)

    def _dependencies(self, path: Path) -> Iterator[str]:
        """`name:digest` of the media at `path`, of its sidecars and of its masks."""
        frames = folder_frames(path) if path.is_dir() else [path]
        masks = self._sidecar(path).masks
        masked = [] if masks is None else mask_files(masks, path.stem if is_photo(path) else None)
        for file in (*frames, *sidecar_paths(path, self._root), *masked):
            yield f"{label_of(file, self._root)}:{self._digest(file)}"

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


def _walk(folder: Path) -> Iterator[tuple[Path, list[str]]]:
    """`(folder, file names)` below and including `folder`, sorted, without hidden ones and READMEs."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not _ignored(name))
        yield Path(place), sorted(name for name in names if not _ignored(name))


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
