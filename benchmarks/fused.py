"""Bursts with truth as the pipeline sees them: boxes, votes and the fused label, kept on disk between runs."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import zlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from keyed_clip import keyed_bursts

from datasets.clips import Clip
from datasets.images import decode_grey
from datasets.schema import BoxRow, FrameRow, LabelRow
from datasets.shards import read_rows, write_rows
from pipeline.calibration_data import Progress
from pipeline.digests import DigestCache
from pipeline.ensemble import Ensemble, link_models
from pipeline.keys import stage_digest, unit_key
from pipeline.params import Params
from pipeline.truth import Burst, read_bursts, truth_sets
from qa.metrics import Mask, as_mask
from stages.fuse import Fuse

STILLS = ("ccp",)
"""Sets of unrelated photos: a folder of them is read like a video, so alike neighbours could pass for a burst."""

TEST_ONLY = ("keyed",)
"""Sets that are in no fit."""
FOLDS = 5
"""Parts the photos of a set are divided into; a sequence is a part of its own."""


@dataclass(frozen=True)
class Labelled:
    """A burst whose truth is known.

    Attributes:
        set_name: the truth set, or `keyed`.
        source: who may not be on both sides of a fit: a photo, or a sequence.
        clip: frames, boxes, votes and labels (fused without any annotation).
        truths: `(H, W)` bool at label size.
    """

    set_name: str
    source: str
    clip: Clip
    truths: tuple[Mask, ...]


class FusedSets:
    """The sets of the truth folder and the keyed clip, voted on (see `Ensemble`) and fused with the params.

    They are fused by `weighted`, by expertise by design: a fitted one may have seen the truth of these frames.
    """

    def __init__(self, params: Params, cache: Path) -> None:
        self._params, self._cache = params, cache
        link_models(params, cache)
        self._ensemble = Ensemble(params, cache)
        self._fuse = Fuse(params.fuse.model_copy(update={"strategy": "weighted", "fitted": ""}), root=cache)
        self._digest = stage_digest(self._fuse, DigestCache(cache / "digests.json"))
        self._open = False

    def read(self, truth: Path | None) -> Iterator[Labelled]:
        """Every burst: the keyed clip's, then those of the truth folder's sets; photos one by one."""
        for burst in keyed_bursts(self._params.ingest):
            yield self._labelled("keyed", "keyed", burst)
        for name, folders in truth_sets(truth).items() if truth else ():
            for folder in folders:
                for burst in read_bursts(folder, self._params.ingest):
                    for part in _photos(burst) if name in STILLS else [burst]:
                        own = part.frames[0].name if name in STILLS else folder.images.parent.name
                        yield self._labelled(name, f"{name}/{own}", part, whole=burst)

    def fuse(self, clip: Clip) -> tuple[LabelRow | None, ...]:
        """Labels of a burst by stage `fuse`, from the cache where these votes were fused before."""
        path = self._path(clip)
        if not path.exists():
            if not self._open:
                self._fuse.setup()
                self._open = True
            rows = [row for row in self._fuse.process(clip) if isinstance(row, LabelRow)]
            path.parent.mkdir(parents=True, exist_ok=True)
            unfinished = path.with_suffix(f".{os.getpid()}")
            write_rows(unfinished, rows, LabelRow)
            unfinished.replace(path)
        found = {row.frame_key: row for row in read_rows(path, LabelRow)}
        return tuple(found.get(row.frame_key) for row in clip.rows)

    def fill(self, clips: Sequence[Clip], jobs: int, progress: Progress) -> None:
        """Fuse ahead what the cache lacks, by so many processes: `fuse` reads it from there."""
        given = (self._params, self._cache)
        missing = [clip for clip in clips if not self._path(clip).exists()]
        pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=_open, initargs=given)
        with pool:
            for done, name in enumerate(pool.map(_fuse, missing, chunksize=2), start=1):
                progress(done, len(missing), name)

    def _path(self, clip: Clip) -> Path:
        return self._cache / "fuse" / f"{self._key(clip)}.parquet"

    def _labelled(self, name: str, source: str, burst: Burst, whole: Burst | None = None) -> Labelled:
        clip = _part(self._ensemble.clip((whole or burst).frames), burst.frames)
        labels = self.fuse(clip)
        truths = [_fitted(decode_grey(truth), label) for truth, label in zip(burst.truths, labels, strict=True)]
        return Labelled(name, source, replace(clip, joined={**clip.joined, LabelRow: labels}), tuple(truths))

    def _key(self, clip: Clip) -> str:
        """Of everything the labels depend on: the stage, the pictures, the boxes and each vote."""
        seen = []
        for index, frame in enumerate(clip.frames):
            assert frame is not None
            digest = hashlib.sha256(repr(frame.frame_key).encode() + frame.image)
            digest.update(repr(clip.boxes[index]).encode())
            for teacher, rows in sorted(clip.votes.items()):
                digest.update(f"{teacher} {rows[index]!r}".encode())
            seen.append(digest.hexdigest())
        return unit_key(self._digest, seen)


class _Worker:
    """What one process keeps open."""

    sets: FusedSets


def _open(params: Params, cache: Path) -> None:
    cv2.setNumThreads(1)
    _Worker.sets = FusedSets(params, cache)


def _fuse(clip: Clip) -> str:
    _Worker.sets.fuse(clip)
    return clip.frames[0].name if clip.frames[0] else ""


def fold_of_source(set_name: str, source: str, way: str) -> str:
    """The part of the data that must not be in a fit which is measured on this source.

    `left_out`: its set. `cross`: its sequence, or the fifth of the photos that it is in. Test-only sets are whole.
    """
    if way == "left_out" or set_name in TEST_ONLY:
        return set_name
    name = source.split("/")[-1]
    return f"{set_name}/{zlib.crc32(name.encode()) % FOLDS}" if set_name in STILLS else source


def label_mask(label: LabelRow | None, truth: Mask) -> Mask:
    """The label at one half; empty where there is none."""
    return as_mask(decode_grey(label.alpha)) if label else np.zeros_like(truth)


def _photos(burst: Burst) -> list[Burst]:
    return [Burst((frame,), (truth,)) for frame, truth in zip(burst.frames, burst.truths, strict=True)]


def _part(clip: Clip, frames: Sequence[FrameRow]) -> Clip:
    """The clip's frames of these names."""
    keys = [frame.frame_key for frame in frames]
    chosen = [index for index, row in enumerate(clip.rows) if row.frame_key in keys]
    votes = {name: tuple(rows[index] for index in chosen) for name, rows in clip.votes.items()}
    boxes = tuple(clip.boxes[index] for index in chosen)
    return Clip(tuple(clip.rows[index] for index in chosen), {BoxRow: boxes}, votes)


def _fitted(truth: np.ndarray, label: LabelRow | None) -> Mask:
    """Truth at the size of the label; as it is where there is none."""
    if label is None or truth.shape == (label.height, label.width):
        return np.asarray(truth >= 128)
    return np.asarray(cv2.resize(truth, (label.width, label.height), interpolation=cv2.INTER_AREA) >= 128)
