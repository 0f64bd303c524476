"""Manifests: `data/<stage>/manifest.parquet`, one row a shard, sorted; the same bytes whoever computed the shards."""

from __future__ import annotations

import io
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from datasets.receipt import Receipt, StoredFile
from datasets.store import write_atomically

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


def write_manifest(path: Path, receipts: Iterable[Receipt]) -> None:
    """Write the manifest of a stage's units. Sorted, so that the order of work is invisible."""
    rows = []
    for receipt in sorted(receipts, key=lambda r: (r.folder, r.label, r.lineage, r.key)):
        for index, file in enumerate(receipt.files or (StoredFile("", "", 0),)):
            first = index == 0
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
                }
            )
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), buffer, compression="none", write_page_checksum=True)
    write_atomically(path, buffer.getvalue())


def read_manifest(path: Path) -> list[Receipt]:
    """The receipts of a stage's units, in manifest order.

    Raises:
        FileNotFoundError: no manifest; the message says which stage to run.
        ValueError: the file is no manifest, or damaged.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: run `dvc repro {path.parent.name}` first")
    try:
        table = pq.read_table(path, page_checksum_verification=True)
    except (pa.ArrowException, OSError) as error:
        raise ValueError(f"{path} is damaged ({error}): run `autoroto verify`, then `dvc repro`") from error
    if not table.schema.equals(SCHEMA):
        raise ValueError(f"{path} is no manifest of this version: run `dvc repro {path.parent.name}` to rebuild it")
    units: dict[tuple[str, str], list[dict[str, object]]] = {}
    for row in table.to_pylist():
        units.setdefault((row["folder"], row["key"]), []).append(row)
    return [_receipt(rows) for rows in units.values()]


def _receipt(rows: list[dict[str, object]]) -> Receipt:
    first: dict[str, object] = rows[0]
    files = [StoredFile(r["name"], r["sha256"], r["size"], r["rows"]) for r in rows if r["name"]]  # type: ignore[arg-type]
    return Receipt(
        stage=str(first["stage"]),
        folder=str(first["folder"]),
        key=str(first["key"]),
        label=str(first["label"]),
        lineage=str(first["lineage"]),
        files=tuple(files),
        inputs=int(first["inputs"]),  # type: ignore[call-overload]
        done=int(first["done"]),  # type: ignore[call-overload]
        dropped=dict(first["dropped"]),  # type: ignore[call-overload]
        failed=dict(first["failed"]),  # type: ignore[call-overload]
        details=tuple(first["details"]),  # type: ignore[arg-type]
        licences=tuple(first["licences"]),  # type: ignore[arg-type]
    )
