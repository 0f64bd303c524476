"""Manifests: `data/<stage>/manifest.parquet`, one row a shard, sorted; the same bytes whoever computed the shards."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from datasets.receipt import Receipt, StoredFile
from datasets.store import atomic_file

_COUNTS = pa.map_(pa.string(), pa.int64())

SCHEMA = pa.schema(
    [
        ("stage", pa.string()),
        ("folder", pa.string()),
        ("key", pa.string()),
        ("label", pa.string()),
        ("lineage", pa.string()),
        ("name", pa.string()),
        ("sha256", pa.string()),
        ("size", pa.int64()),
        ("rows", pa.int64()),
        ("inputs", pa.int64()),
        ("done", pa.int64()),
        ("dropped", _COUNTS),
        ("failed", _COUNTS),
        ("details", pa.list_(pa.string())),
        ("licences", pa.list_(pa.string())),
    ]
)
"""Counts stand on a unit's first row; a unit without a shard has one row with an empty `name`."""

_ORDER = ("folder", "label", "lineage", "key", "part")
_PACKED = SCHEMA.append(pa.field("part", pa.int64()))
_BATCH = 1024
"""Rows that are packed, and written, together: what a reader of a manifest holds beside its own columns."""


class Ledger:
    """Receipts in columns, about half a kilobyte each: a driver holds one for every unit of an archive."""

    def __init__(self, receipts: Iterable[Receipt] = ()) -> None:
        self._packed: list[pa.RecordBatch] = []
        self._loose: list[Receipt] = []
        self._count = 0
        for receipt in receipts:
            self.add(receipt)

    def add(self, receipt: Receipt) -> None:
        """Take one more receipt."""
        self._loose.append(receipt)
        self._count += 1
        if len(self._loose) == _BATCH:
            self._packed.append(_pack(self._loose))
            self._loose = []

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Receipt]:
        """The receipts in the order they came, made again one batch at a time."""
        for batch in self._packed:
            yield from _unpack(batch.to_pylist())
        yield from self._loose

    def sorted(self) -> Iterator[pa.Table]:
        """All receipts as the rows of a manifest, some at a time, sorted, so that the order of work is invisible."""
        table = pa.Table.from_batches([*self._packed, _pack(self._loose)], schema=_PACKED)
        order = pc.sort_indices(table, sort_keys=[(name, "ascending") for name in _ORDER])
        for start in range(0, len(order), _BATCH):
            yield table.take(order[start : start + _BATCH]).select(SCHEMA.names).combine_chunks()


def write_manifest(path: Path, receipts: Iterable[Receipt]) -> None:
    """Write the manifest of a stage's units."""
    ledger = receipts if isinstance(receipts, Ledger) else Ledger(receipts)
    with (
        atomic_file(path) as file,
        pq.ParquetWriter(file, SCHEMA, compression="none", write_page_checksum=True) as writer,
    ):
        for rows in ledger.sorted():
            writer.write_table(rows)


def read_manifest(path: Path) -> list[Receipt]:
    """The receipts of a stage's units, in manifest order. Errors as of `read_table`."""
    return list(_unpack(read_table(path).to_pylist()))


def read_table(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """A manifest's rows in columns, all of them or only those named.

    Raises:
        FileNotFoundError: no manifest; the message says which stage to run.
        ValueError: the file is no manifest, or damaged.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: run `dvc repro {path.parent.name}` first")
    try:
        # not `pq.read_table`: it loads Arrow's dataset library, 40 MB
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            groups = [file.read_row_group(i, columns=columns, use_threads=False) for i in range(file.num_row_groups)]
            schema, empty = file.schema_arrow, file.schema_arrow.empty_table()
            table = pa.concat_tables(groups) if groups else empty.select(columns or schema.names)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path} is damaged ({error}): run `autoroto verify`, then `dvc repro`") from error
    if not schema.equals(SCHEMA):
        raise ValueError(f"{path} is no manifest of this version: run `dvc repro {path.parent.name}` to rebuild it")
    return table


def _pack(receipts: Sequence[Receipt]) -> pa.RecordBatch:
    rows: list[dict[str, Any]] = []
    for receipt in receipts:
        for part, file in enumerate(receipt.files or (StoredFile("", "", 0),)):
            first = part == 0
            rows.append(
                {
                    "stage": receipt.stage,
                    "folder": receipt.folder,
                    "key": receipt.key,
                    "label": receipt.label,
                    "lineage": receipt.lineage,
                    "name": file.name,
                    "sha256": file.sha256,
                    "size": file.size,
                    "rows": file.rows,
                    "inputs": receipt.inputs if first else 0,
                    "done": receipt.done if first else 0,
                    "dropped": sorted(receipt.dropped.items()) if first else [],
                    "failed": sorted(receipt.failed.items()) if first else [],
                    "details": list(receipt.details) if first else [],
                    "licences": list(receipt.licences),
                    "part": part,
                }
            )
    return pa.RecordBatch.from_pylist(rows, schema=_PACKED)


def _unpack(rows: Iterable[dict[str, Any]]) -> Iterator[Receipt]:
    """Rows of one unit stand together."""
    for _, group in itertools.groupby(rows, key=lambda row: (row["folder"], row["key"])):
        yield _receipt(list(group))


def _receipt(rows: list[dict[str, Any]]) -> Receipt:
    first = rows[0]
    return Receipt(
        stage=first["stage"],
        folder=first["folder"],
        key=first["key"],
        label=first["label"],
        lineage=first["lineage"],
        files=tuple(StoredFile(r["name"], r["sha256"], r["size"], r["rows"]) for r in rows if r["name"]),
        inputs=first["inputs"],
        done=first["done"],
        dropped=dict(first["dropped"]),
        failed=dict(first["failed"]),
        details=tuple(first["details"]),
        licences=tuple(first["licences"]),
    )
