"""Truth folders: `images/` and `masks/` with equal stems, or sub-folders that hold such pairs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from datasets.images import encode_png
from datasets.masks import read_mask
from datasets.media import is_photo
from datasets.schema import FrameRow
from stages.ingest import Ingest, IngestConfig, Item


class TruthError(ValueError):
    """A truth folder is not what was expected. The message names it and the cure."""


@dataclass(frozen=True)
class TruthFolder:
    """One pair of folders; `masks` has a mask for every image."""

    images: Path
    masks: Path


@dataclass(frozen=True)
class Burst:
    """Consecutive frames of one source, with their exact masks as 8-bit grey PNGs (any size of the frames' shape)."""

    frames: tuple[FrameRow, ...]
    truths: tuple[bytes, ...]


def truth_sets(root: Path) -> dict[str, list[TruthFolder]]:
    """Set name to its pairs of folders: each sub-folder of `root` is a set, or `root` itself where it holds a pair.

    Raises:
        TruthError: no pair is found, or an image has no mask.
    """
    if (root / "images").is_dir():
        return {root.name: [_pair(root)]}
    sets = {}
    for folder in sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []:
        parents = sorted(images.parent for images in folder.rglob("images") if images.is_dir())
        if parents:
            sets[folder.name] = [_pair(parent) for parent in parents]
    if not sets:
        raise TruthError(f"{root}: found no `images` folder with a `masks` folder beside it, here or below")
    return sets


def read_bursts(folder: TruthFolder, config: IngestConfig) -> Iterator[Burst]:
    """The folder as `ingest` reads any folder of images: cut where the picture changes, in bursts of every frame.

    Raises:
        TruthError: ingest cannot read an image.
    """
    frames: list[FrameRow] = []
    for outcome in Ingest(config, root=folder.images.parent).process(Item(folder.images)):
        if not isinstance(outcome, FrameRow):
            raise TruthError(f"{folder.images}: {outcome}")
        if frames and (outcome.clip, outcome.burst) != (frames[-1].clip, frames[-1].burst):
            yield _burst(frames, folder.masks)
            frames = []
        frames.append(outcome)
    if frames:
        yield _burst(frames, folder.masks)


def _burst(frames: list[FrameRow], masks: Path) -> Burst:
    return Burst(tuple(frames), tuple(encode_png(read_mask(masks / f"{frame.name}.png")) for frame in frames))


def _pair(parent: Path) -> TruthFolder:
    folder = TruthFolder(parent / "images", parent / "masks")
    have = {path.stem for path in folder.masks.glob("*.png")}
    missing = sorted(path.name for path in folder.images.iterdir() if is_photo(path) and path.stem not in have)
    if missing:
        raise TruthError(f"{folder.masks}: no PNG mask for {len(missing)} images, the first is {missing[0]}")
    return folder
