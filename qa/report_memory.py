"""What the report remembers of a run, so that the next one can say what changed: figures, parameters, every label."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datasets.store import write_atomically
from qa.report_data import FrameInfo, Key

LAST, BEFORE = "last.parquet", "before.parquet"
"""The run that the last page was about, and the one before that differed from it."""

_SCHEMA = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("time_us", pa.int64(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("quality", pa.float64(), nullable=False),
        pa.field("group", pa.string(), nullable=False),
        pa.field("error", pa.string(), nullable=False),
    ]
)


@dataclass(frozen=True)
class LabelState:
    """A label as a run left it."""

    path: str
    quality: float
    group: str
    error: str


@dataclass(frozen=True)
class Snapshot:
    """A run in short: named numbers, parameters as text, the state of every label. Equal runs are equal."""

    figures: Mapping[str, float]
    params: Mapping[str, str]
    labels: Mapping[Key, LabelState]


def label_states(frames: list[FrameInfo]) -> dict[Key, LabelState]:
    """The state of every scored label."""
    return {frame.key: LabelState(frame.path, frame.quality, frame.group, frame.error) for frame in frames}


def run_before(folder: Path, now: Snapshot) -> Snapshot | None:
    """The last run that differs from this one; None when there is none.

    Writing the same report again therefore gives the same page.

    Raises:
        ValueError: a file in the folder is no snapshot; the message names it and the cure.
    """
    for name in (LAST, BEFORE):
        found = _read(folder / name) if (folder / name).exists() else None
        if found is not None and found != now:
            return found
    return None


def remember(folder: Path, now: Snapshot) -> None:
    """Keep this run as the last one. What was the last becomes the one before, unless it is the same.

    A kill between the two writes leaves the earlier run in both places, which the next call puts right.
    """
    last = folder / LAST
    if last.exists():
        if _read(last) == now:
            return
        write_atomically(folder / BEFORE, last.read_bytes())
    folder.mkdir(parents=True, exist_ok=True)
    write_atomically(last, _encoded(now))


def _encoded(snapshot: Snapshot) -> bytes:
    rows = [
        {"source": key[0], "time_us": key[1], **{name: getattr(state, name) for name in _SCHEMA.names[2:]}}
        for key, state in sorted(snapshot.labels.items())
    ]
    notes = {"figures": json.dumps(dict(snapshot.figures)), "params": json.dumps(dict(snapshot.params))}
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows, schema=_SCHEMA.with_metadata(notes)), sink, compression="zstd")
    encoded: bytes = sink.getvalue().to_pybytes()
    return encoded


def _read(path: Path) -> Snapshot:
    try:
        table = pq.read_table(path)
        notes: dict[bytes, Any] = table.schema.metadata or {}
        labels = {
            (row["source"], row["time_us"]): LabelState(row["path"], row["quality"], row["group"], row["error"])
            for row in table.to_pylist()
        }
        return Snapshot(json.loads(notes[b"figures"]), json.loads(notes[b"params"]), labels)
    except (pa.ArrowInvalid, OSError, KeyError, ValueError) as error:
        raise ValueError(
            f"{path}: what the report remembers of the last run cannot be read ({error!r}); remove that file"
        ) from error
