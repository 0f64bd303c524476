"""Bursts of frames, joined frame by frame across the shards of several stages."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from datasets.schema import BoxRow, CuratedRow, FrameRow, LabelRow, QualityRow, Row, VoteRow
from datasets.shards import ShardError, file_version, read_rows, shard_row_type

R = TypeVar("R", bound=Row)

_TYPES: dict[str, type[Row]] = {
    row.__name__: row for row in (FrameRow, BoxRow, VoteRow, LabelRow, QualityRow, CuratedRow)
}


@dataclass(frozen=True)
class Clip:
    """Consecutive frames of one burst with everything known of them. All sequences are aligned frame by frame.

    Attributes:
        rows: the primary rows (never None), one per frame, in time order.
        joined: row type to that type's rows; None where an earlier stage has no row for the frame.
        votes: teacher to its votes; None where the teacher dropped or failed the frame.
    """

    rows: tuple[Row, ...]
    joined: Mapping[type[Row], tuple[Row | None, ...]] = field(default_factory=dict)
    votes: Mapping[str, tuple[VoteRow | None, ...]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    def describe(self) -> str:
        """Source, clip, burst and time span, for messages."""
        first, last = self.rows[0], self.rows[-1]
        name = next((row.path for row in self.frames if row), first.source[:12])
        return f"{name} clip {first.clip} burst {first.burst} ({first.time_us / 1e6:.2f}-{last.time_us / 1e6:.2f} s)"

    @property
    def frames(self) -> tuple[FrameRow | None, ...]:
        return self._of(FrameRow)

    @property
    def boxes(self) -> tuple[BoxRow | None, ...]:
        return self._of(BoxRow)

    @property
    def labels(self) -> tuple[LabelRow | None, ...]:
        return self._of(LabelRow)

    @property
    def qualities(self) -> tuple[QualityRow | None, ...]:
        return self._of(QualityRow)

    @property
    def curated(self) -> tuple[CuratedRow | None, ...]:
        return self._of(CuratedRow)

    def _of(self, row_type: type[R]) -> tuple[R | None, ...]:
        if isinstance(self.rows[0], row_type):
            return tuple(row for row in self.rows if isinstance(row, row_type))
        found = self.joined.get(row_type, (None,) * len(self.rows))
        return tuple(row if isinstance(row, row_type) else None for row in found)


def read_clips(inputs: Sequence[Path], *, primary: type[Row]) -> Iterator[Clip]:
    """Bursts of the primary shard in order, joined by frame key with whatever the other shards hold.

    All inputs belong to the same source shard and are in the same order, so they are merged in one pass: memory holds
    one burst, whatever the shard's size.

    Raises:
        ShardError: no input, or several, hold the primary row type.
    """
    by_type: dict[str, list[Path]] = {}
    for path in inputs:
        by_type.setdefault(shard_row_type(path), []).append(path)
    if len(by_type.get(primary.__name__, [])) != 1:
        raise ShardError(f"expected one {primary.__name__} shard, got {[p.name for p in inputs]}")
    main = by_type.pop(primary.__name__)[0]
    others = [_Cursor(path, _TYPES[name]) for name, paths in by_type.items() for path in paths]
    bursts = itertools.groupby(read_rows(main, primary), key=_burst_key)
    for burst, group in bursts:
        rows = tuple(group)
        joined: dict[type[Row], tuple[Row | None, ...]] = {}
        votes: dict[str, tuple[VoteRow | None, ...]] = {}
        for cursor in others:
            found = {row.frame_key: row for row in cursor.burst(burst)}
            aligned = tuple(found.get(row.frame_key) for row in rows)
            if cursor.row_type is VoteRow:
                teacher = next((row.teacher for row in found.values() if isinstance(row, VoteRow)), "")
                votes[teacher] = tuple(row if isinstance(row, VoteRow) else None for row in aligned)
            else:
                joined[cursor.row_type] = aligned
        votes.pop("", None)
        yield Clip(rows, joined, dict(sorted(votes.items())))


class ClipMemory:
    """The clips of the shards that were read last: teachers that share a worker read the same ones in turn.

    Shards of more than `limit` bytes together are not kept, so memory still holds one burst of a long clip.
    """

    def __init__(self, limit: int = 64 * 2**20) -> None:
        self._limit = limit
        self._key: object = None
        self._clips: list[Clip] = []

    def read(self, inputs: Sequence[Path], *, primary: type[Row]) -> Iterator[Clip]:
        """As `read_clips`; a file that was written since is read again."""
        key = primary, tuple((path, *file_version(path)) for path in inputs)
        if key == self._key:
            yield from self._clips
            return
        self._key, self._clips = None, []
        clips: list[Clip] = []
        small = sum(path.stat().st_size for path in inputs) <= self._limit
        for clip in read_clips(inputs, primary=primary):
            if small:
                clips.append(clip)
            yield clip
        if small:
            self._key, self._clips = key, clips


class _Cursor:
    """Reads one secondary shard burst by burst, in step with the primary one."""

    def __init__(self, path: Path, row_type: type[Row]) -> None:
        self.row_type = row_type
        self._rows = read_rows(path, row_type)
        self._next: Row | None = next(self._rows, None)

    def burst(self, wanted: tuple[str, int, int]) -> list[Row]:
        """Rows of the wanted burst; bursts the primary shard lacks are passed over, in shard order."""
        found: list[Row] = []
        while self._next is not None and _burst_key(self._next) <= wanted:
            if _burst_key(self._next) == wanted:
                found.append(self._next)
            self._next = next(self._rows, None)
        return found


def _burst_key(row: Row) -> tuple[str, int, int]:
    return row.source, row.clip, row.burst
