"""Review decisions: what people said about labels. An append-only folder of Parquet files, one per pull."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datasets.faults import fault_point

VERDICTS = ("accept", "fix", "reject")

_SCHEMA = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        pa.field("time_us", pa.int64(), nullable=False),
        pa.field("verdict", pa.string(), nullable=False),
        pa.field("mask", pa.large_binary(), nullable=False),
        pa.field("label", pa.string(), nullable=False),
        pa.field("reviewer", pa.string(), nullable=False),
        pa.field("decided_at", pa.timestamp("us", tz="UTC"), nullable=False),
        pa.field("seconds", pa.float64(), nullable=False),
        pa.field("provenance", pa.string(), nullable=False),
    ],
    metadata={"row": "Decision", "format": "1"},
)


class ReviewError(ValueError):
    """A decision, or a file of them, is not what it should be. The message names the file and the cure."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Decision:
    """One person's verdict on one frame's label. `(source, time_us)` is the frame key, stable over every run.

    Attributes:
        source, time_us: as in `datasets.schema.Row`.
        verdict: `accept` (the label is right), `fix` (the mask is), or `reject` (leave the frame out).
        mask: 8-bit grey PNG at the source's size, 255 = person: the mask as decided, of a `fix` or an `accept`. A fix
            always has one, a reject never.
        label: SHA-256 (hex) of the label's alpha PNG that the reviewer saw, or "" if not recorded. An `accept` without
            a mask speaks of that label only: when the label has changed since, nobody has looked at it.
        reviewer: who decided. decided_at: when, with its time zone. seconds: how long it took.
        provenance: ids in the tool it came from, for example `labelstudio:project/7/task/12/annotation/31`.
    """

    source: str
    time_us: int
    verdict: str
    mask: bytes = b""
    label: str = ""
    reviewer: str
    decided_at: datetime
    seconds: float = 0.0
    provenance: str = ""

    def __post_init__(self) -> None:
        where = f"decision on {self.source[:12]} at {self.time_us} us"
        if self.verdict not in VERDICTS:
            raise ReviewError(f"{where}: verdict {self.verdict!r} is none of {', '.join(VERDICTS)}")
        if (self.verdict == "fix" and not self.mask) or (self.verdict == "reject" and self.mask):
            raise ReviewError(
                f"{where}: a fix carries a mask, an accept may, a reject does not; got {self.verdict} with "
                f"{len(self.mask)} bytes of mask"
            )
        if self.decided_at.tzinfo is None:
            raise ReviewError(f"{where}: decided_at {self.decided_at} has no time zone; use UTC")

    @property
    def key(self) -> tuple[str, int]:
        """`(source, time_us)`: the frame the decision is about."""
        return self.source, self.time_us


def append_decisions(folder: Path, decisions: Sequence[Decision]) -> Path:
    """Add decisions as one new file and return its path. Files are never rewritten; the same decisions appended again
    are the same file. The name starts with the time of the last decision, so a listing reads as a history.

    Raises:
        ReviewError: there are no decisions.
    """
    if not decisions:
        raise ReviewError(f"{folder}: no decisions to append")
    ordered = sorted(decisions, key=_order)
    last = ordered[-1].decided_at.astimezone(UTC)
    path = folder / f"{last:%Y%m%dT%H%M%SZ}-{_digest(ordered)[:12]}.parquet"
    if path.exists():
        return path
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with unfinished.open("wb") as file:
        pq.write_table(pa.Table.from_pylist([_values(d) for d in ordered], schema=_SCHEMA), file, compression="none")
        file.flush()
        os.fsync(file.fileno())
    fault_point("reviews.temporary")
    unfinished.rename(path)
    fault_point("reviews.renamed")
    return path


def read_decisions(folder: Path, *, sources: Collection[str] | None = None) -> list[Decision]:
    """Every decision in the folder, oldest first; with `sources`, only those on these sources. No folder, no decisions.

    One that was pulled twice, on two machines or by two pulls at a time, comes once.

    Raises:
        ReviewError: a file cannot be read as decisions.
    """
    if sources is not None and not sources:
        return []
    return sorted(dict.fromkeys(_each(folder, sources)), key=_order)


def last_word_digests(folder: Path) -> dict[tuple[str, int], str]:
    """SHA-256 (hex) of the last word on each frame, by frame key; masks and all.

    The masks of one file at a time are in memory, however many there are. Errors as of `read_decisions`.
    """
    found: dict[tuple[str, int], tuple[tuple[Any, ...], str]] = {}
    for decision in _each(folder):
        order = _order(decision)
        if decision.key not in found or order > found[decision.key][0]:
            found[decision.key] = order, _digest([decision])
    return {key: digest for key, (_, digest) in found.items()}


def known_decisions(folder: Path) -> dict[str, datetime]:
    """When each decision of the folder was taken, by its provenance; of one that was changed, the last time.

    Masks are not read: this is quick however many there are. Errors as of `read_decisions`.
    """
    known: dict[str, datetime] = {}
    for path in sorted(folder.glob("*.parquet")):
        for row in _table(path, columns=["provenance", "decided_at"]).to_pylist():
            known[row["provenance"]] = max(row["decided_at"], known.get(row["provenance"], row["decided_at"]))
    return known


def latest(decisions: Iterable[Decision]) -> dict[tuple[str, int], Decision]:
    """The last word on each frame, by frame key."""
    return {decision.key: decision for decision in sorted(decisions, key=_order)}


def decisions_digest(last_words: Mapping[tuple[str, int], str], frames: Iterable[tuple[str, int]]) -> str:
    """SHA-256 (hex) of the last words (see `last_word_digests`) on these frames; "" when there are none.

    It enters the key of a curated shard: a decision on one clip recomputes that clip's shard alone.
    """
    said = sorted((key, last_words[key]) for key in set(frames) if key in last_words)
    return hashlib.sha256(repr(said).encode()).hexdigest() if said else ""


def label_digest(alpha: bytes) -> str:
    """SHA-256 (hex) of a label's alpha PNG, as `Decision.label` records it."""
    return hashlib.sha256(alpha).hexdigest()


def _each(folder: Path, sources: Collection[str] | None = None) -> Iterator[Decision]:
    chosen = None if sources is None else [("source", "in", sorted(sources))]
    for path in sorted(folder.glob("*.parquet")):
        # masks are nearly all of a file: a shard's worker must not read those of all other shards
        if sources is None or not set(sources).isdisjoint(_table(path, columns=["source"])["source"].to_pylist()):
            yield from (Decision(**values) for values in _table(path, filters=chosen).to_pylist())


def _table(path: Path, **how: Any) -> pa.Table:
    try:
        if not pq.read_schema(path).equals(_SCHEMA, check_metadata=False):
            raise ReviewError(f"{path}: holds no review decisions; only files of `review pull` belong here")
        return pq.read_table(path, **how)
    except (pa.ArrowInvalid, OSError) as error:
        raise ReviewError(
            f"{path}: not a readable decisions file ({error}); restore it from version control "
            "or remove it and pull again with --all"
        ) from error


def _order(decision: Decision) -> tuple[Any, ...]:
    # Two decisions in one microsecond are ordered by content, so that the last word never depends on file names.
    mask = hashlib.sha256(decision.mask).digest()
    return decision.decided_at, decision.key, decision.reviewer, decision.provenance, decision.verdict, mask


def _values(decision: Decision) -> dict[str, Any]:
    return {name: getattr(decision, name) for name in _SCHEMA.names}


def _digest(decisions: Iterable[Decision]) -> str:
    digest = hashlib.sha256()
    for decision in decisions:
        values = _values(decision) | {
            "mask": hashlib.sha256(decision.mask).hexdigest(),
            "decided_at": decision.decided_at.astimezone(UTC).isoformat(),
        }
        digest.update(repr(sorted(values.items())).encode())
    return digest.hexdigest()
