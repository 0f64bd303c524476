"""The shards of an earlier stage, as its manifest lists them: thousands in columns, one at a time as objects."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar, overload

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from datasets.manifest import read_table

T = TypeVar("T")


class MadeWhenAsked(Sequence[T], Generic[T]):
    """A sequence that holds none of its items: each is made when it is asked for, by its index."""

    def __init__(self, length: int, make: Callable[[int], T]) -> None:
        self._length, self._make = length, make

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[T]:
        return map(self._make, range(self._length))

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> list[T]: ...
    def __getitem__(self, index: int | slice) -> T | list[T]:
        chosen = range(self._length)[index]
        return self._make(chosen) if isinstance(chosen, int) else [self._make(i) for i in chosen]


@dataclass(frozen=True)
class Shard:
    """A shard of an earlier stage: where it lies, which ingest shard it stems from, and its SHA-256."""

    path: Path
    name: str
    label: str
    lineage: str
    rows: int
    sha256: str


class Shards(MadeWhenAsked[Shard]):
    """The shards of an out.

    Attributes:
        lineages: name of the ingest shard that each stems from; their own names for ingest.
    """

    def __init__(self, length: int, make: Callable[[int], Shard], lineages: pa.Array) -> None:
        super().__init__(length, make)
        self.lineages = lineages

    def of_same_source(self, other: Shards) -> Callable[[int], list[Shard]]:
        """For the index of a shard here, the shards of `other` that stem from the same ingest shard, in their order."""
        here = np.asarray(pc.index_in(other.lineages, value_set=self.lineages).fill_null(-1))
        order = np.argsort(here, kind="stable")
        bounds = np.searchsorted(here[order], np.arange(len(self) + 1))
        return lambda index: [other[int(row)] for row in order[bounds[index] : bounds[index + 1]]]


def shards_of(stage: str, root: Path) -> Shards:
    """The shards in a stage's out, in manifest order. Errors as of `datasets.manifest.read_table`."""
    out = root / "data" / stage
    table = read_table(out / "manifest.parquet", ["folder", "key", "label", "lineage", "name", "sha256", "rows"])
    table = table.append_column("part", _parts(table))
    empty = pc.equal(table["name"], "")
    table = table.filter(pc.invert(empty)) if pc.any(empty).as_py() else table
    names = ("folder", "label", "part", "lineage", "name", "sha256", "rows")
    columns = {name: table[name].combine_chunks() for name in names}
    own = pc.equal(columns["lineage"], "")
    columns["lineage"] = pc.if_else(own, columns["name"], columns["lineage"])

    def shard(index: int) -> Shard:
        folder, label, part, lineage, name, sha256, rows = (columns[name][index].as_py() for name in names)
        return Shard(out / folder / name, name, label + part, lineage, rows, sha256)

    return Shards(table.num_rows, shard, columns["lineage"])


def _parts(table: pa.Table) -> pa.Array:
    """For each row " [0]", " [1]", … among the rows of its unit; "" for the only one."""
    if not table.num_rows:
        return pa.array([], pa.string())
    rows, above = table.slice(1), table.slice(0, table.num_rows - 1)
    same = pc.and_(pc.equal(rows["folder"], above["folder"]), pc.equal(rows["key"], above["key"]))
    follows = np.concatenate([[False], np.asarray(same, dtype=bool), [False]])
    index = np.arange(table.num_rows)
    first = np.maximum.accumulate(np.where(follows[:-1], 0, index))
    alone = ~follows[:-1] & ~follows[1:]
    return pa.array(["" if single else f" [{part}]" for single, part in zip(alone, index - first, strict=True)])
