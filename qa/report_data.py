"""What the report says of the data: sources, frames and clips, from light columns of the shards (no pixels).

Everything is sorted, so equal files give equal numbers.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets.schema import CuratedRow, FrameRow, QualityRow
from datasets.shards import R, read_rows

FRAME_COLUMNS = ("source", "clip", "burst", "time_us")

LEFT_OUT, UNGROUPED = "left_out", "ungrouped"
"""Beside the groups: scored labels that curate dropped, and all of them before curate has run."""

Key = tuple[str, int]
"""A frame's key: `(source, time_us)`."""


@dataclass(frozen=True)
class SourceInfo:
    """One video or photo as `ingest` saw it. `seconds` is footage spanned by its clips, 0 for a photo."""

    path: str
    origin: str
    subject: str
    licences: tuple[str, ...]
    role: str
    frames: int
    clips: int
    seconds: float


@dataclass(frozen=True)
class FrameInfo:
    """What is known of one scored label, without its pixels.

    Attributes:
        group: of the curated frame; `left_out` where curate dropped it, `ungrouped` where curate has not run.
        split, label_source: of the curated frame, else "".
        error_box: where to look for the error; empty without one.
    """

    key: Key
    clip: int
    burst: int
    path: str
    group: str
    split: str
    role: str
    label_source: str
    quality: float
    error: str
    error_box: tuple[float, ...]
    scenarios: tuple[str, ...]
    subject: str
    licences: tuple[str, ...]
    signals: tuple[tuple[str, float], ...]

    @property
    def seconds(self) -> float:
        """Time in the source."""
        return self.key[1] / 1e6

    @property
    def flagged(self) -> bool:
        """Named an error, rejected or left out."""
        return bool(self.error) or self.group in ("reject", LEFT_OUT)


@dataclass(frozen=True)
class ClipSummary:
    """One clip: its frames in time order and what they add up to."""

    path: str
    clip: int
    frames: tuple[FrameInfo, ...]

    @property
    def mean(self) -> float:
        """Mean quality 0-1."""
        return math.fsum(frame.quality for frame in self.frames) / len(self.frames)

    @property
    def worst(self) -> FrameInfo:
        """The frame with the lowest quality, the earliest of equals."""
        return min(self.frames, key=lambda frame: (frame.quality, frame.key))

    @property
    def flagged(self) -> int:
        """Flagged frames."""
        return sum(frame.flagged for frame in self.frames)

    @property
    def groups(self) -> dict[str, int]:
        """Frames by group."""
        return dict(Counter(frame.group for frame in self.frames))


def read_sources(shards: Sequence[Path]) -> list[SourceInfo]:
    """Sources of the frame shards, by path."""
    columns = [*FRAME_COLUMNS, "path", "origin", "subject", "licences", "role"]
    rows: dict[str, list[FrameRow]] = defaultdict(list)
    for path in sorted(shards):
        for row in read_rows(path, FrameRow, columns=columns):
            rows[row.source].append(row)
    return sorted((_source(group) for group in rows.values()), key=lambda source: source.path)


def _source(rows: Sequence[FrameRow]) -> SourceInfo:
    first = rows[0]
    clips: dict[int, list[int]] = defaultdict(list)
    for row in rows:
        clips[row.clip].append(row.time_us)
    return SourceInfo(
        path=first.path,
        origin=first.origin,
        subject=first.subject,
        licences=tuple(sorted({licence for row in rows for licence in row.licences})),
        role=first.role,
        frames=len(rows),
        clips=len(clips),
        seconds=sum(_span(sorted(times)) for times in clips.values()),
    )


def _span(times: Sequence[int]) -> float:
    """Seconds from the first frame's start to the last one's end; the last is taken to last the shortest step."""
    steps = [later - earlier for earlier, later in itertools.pairwise(times) if later > earlier]
    return (times[-1] - times[0] + min(steps)) / 1e6 if steps else 0.0


def read_frames(frames: Sequence[Path], quality: Sequence[Path], curated: Sequence[Path]) -> list[FrameInfo]:
    """Every scored label by path, clip and time, with what `ingest` and `curate` say of its frame.

    Curate drops the labels that it rejects: they have no curated row, and are the ones most worth looking at.
    """
    light = [*FRAME_COLUMNS, "path", "role", "subject", "licences"]
    footage = _by_key(frames, FrameRow, light)
    kept = _by_key(curated, CuratedRow, [*FRAME_COLUMNS, "group", "split", "label_source", "error"])
    outside = LEFT_OUT if curated else UNGROUPED
    found = [
        _frame(row, footage.get(row.frame_key), kept.get(row.frame_key), outside)
        for path in sorted(quality)
        for row in read_rows(path, QualityRow)
    ]
    return sorted(found, key=lambda frame: (frame.path, frame.clip, frame.key))


def _by_key(shards: Sequence[Path], row_type: type[R], columns: Sequence[str]) -> dict[Key, R]:
    return {row.frame_key: row for path in sorted(shards) for row in read_rows(path, row_type, columns=columns)}


def _frame(row: QualityRow, frame: FrameRow | None, kept: CuratedRow | None, outside: str) -> FrameInfo:
    error = kept.error if kept else row.error
    return FrameInfo(
        key=row.frame_key,
        clip=row.clip,
        burst=row.burst,
        path=frame.path if frame else row.source[:12],
        group=kept.group if kept else outside,
        split=kept.split if kept else "",
        role=frame.role if frame else "",
        label_source=kept.label_source if kept else "",
        quality=row.quality,
        error=error,
        error_box=tuple(row.error_box) if error else (),
        scenarios=tuple(row.scenarios),
        subject=frame.subject if frame else "",
        licences=tuple(frame.licences) if frame else (),
        signals=tuple(sorted(row.signals.items())),
    )


def clip_summaries(frames: Sequence[FrameInfo]) -> list[ClipSummary]:
    """Clips, the one with the lowest mean quality first."""
    clips: dict[tuple[str, str, int], list[FrameInfo]] = defaultdict(list)
    for frame in frames:
        clips[frame.path, frame.key[0], frame.clip].append(frame)
    found = [ClipSummary(path, clip, tuple(rows)) for (path, _, clip), rows in clips.items()]
    return sorted(found, key=lambda clip: (clip.mean, clip.path, clip.clip))
