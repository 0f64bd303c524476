"""Detect and Vote as the pipeline runs them, on frames at hand, with results kept on disk between runs."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from datasets.clips import Clip
from datasets.schema import BoxRow, FrameRow, Row, VoteRow
from datasets.shards import read_rows, write_rows
from pipeline.assets import AssetLock
from pipeline.digests import DigestCache
from pipeline.fetch import fetch_asset
from pipeline.fetch_command import model_files
from pipeline.keys import hash_of, stage_digest, unit_key
from pipeline.params import Params
from stages.base import ClipStage, Drop, Fail
from stages.detect import Detect
from stages.vote import Vote

R = TypeVar("R", bound=Row)

SILENT = ("keyer", "annotation")
"""Teachers that a measurement must not read: they would see what the truth was made from."""


def link_models(params: Params, root: Path) -> None:
    """Put every model that the params open below `root`, as links to the verified cache of fetched files."""
    assets = {asset.target: asset.name for asset in AssetLock.read()}
    for file in model_files(params):
        if file in assets and not (root / file).exists():
            (root / file).parent.mkdir(parents=True, exist_ok=True)
            (root / file).symlink_to(fetch_asset(assets[file]))


class Ensemble:
    """The detectors and teachers of `params`, opened when first needed.

    What a stage answered is kept in `cache` under a key of everything it depends on: its code, params and weights, and
    the frames it saw. A later run, or another benchmark, reads it from there.
    """

    def __init__(self, params: Params, cache: Path) -> None:
        self._cache = cache
        self._digests = DigestCache(cache / "digests.json")
        self._detect = Detect(params.detect, root=cache)
        self._teachers = {
            name: Vote(params.vote.only(name), root=cache)
            for name, teacher in sorted(params.vote.teachers.items())
            if teacher.enabled and name not in SILENT
        }
        self._open: set[int] = set()

    @property
    def teachers(self) -> list[str]:
        """Names of the teachers that vote."""
        return list(self._teachers)

    def clip(self, frames: tuple[FrameRow, ...]) -> Clip:
        """The burst with its boxes and all votes."""
        frames = tuple(replace(frame, truth=b"", mask=b"") for frame in frames)
        boxes = self._rows(self._detect, Clip(frames), BoxRow)
        clip = Clip(frames, {BoxRow: boxes})
        votes = {name: self._rows(stage, clip, VoteRow) for name, stage in self._teachers.items()}
        return Clip(frames, {BoxRow: boxes}, votes)

    def _rows(self, stage: ClipStage[R], clip: Clip, row_type: type[R]) -> tuple[R, ...]:
        path = self._cache / stage.name / f"{self._key(stage, clip)}.parquet"
        if not path.exists():
            if id(stage) not in self._open:
                stage.setup()
                self._open.add(id(stage))
            rows = _only_rows(stage, clip)
            self._write(path, rows, row_type)
        return tuple(read_rows(path, row_type))

    def _key(self, stage: ClipStage[R], clip: Clip) -> str:
        seen = [
            hash_of(
                [frame.source, frame.clip, frame.burst, frame.time_us, frame.image.hex(), boxes and boxes.as_dict()]
            )
            for frame, boxes in zip(clip.frames, clip.boxes, strict=True)
            if frame is not None
        ]
        return unit_key(stage_digest(stage, self._digests), seen)

    def _write(self, path: Path, rows: Iterable[Row], row_type: type[Row]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}")
        write_rows(unfinished, rows, row_type)
        unfinished.replace(path)


def _only_rows(stage: ClipStage[R], clip: Clip) -> Iterable[R]:
    outcome = stage.process(clip)
    for value in [outcome] if isinstance(outcome, Drop | Fail) else outcome:
        if isinstance(value, Drop | Fail):
            raise RuntimeError(f"{stage.name}: {clip.describe()}: {value}")
        yield value
