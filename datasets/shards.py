"""Shard files: Parquet with one schema, written atomically, read row by row or burst by burst."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from datasets.schema import FORMAT_VERSION, Row

R = TypeVar("R", bound=Row)

ROW_GROUP = 32
"""Rows a row group: what a reader holds in memory at once."""


class ShardError(ValueError):
    """A shard file is not what its reader expects. The message names the file and the cure."""


def write_rows(path: Path, rows: Iterable[Row], row_type: type[Row]) -> int:
    """Write `rows` as one Parquet file and fsync it; returns the number of rows. The bytes depend on the rows alone.

    The caller renames the file into place: an unfinished file never has a final name.
    """
    schema = row_type.arrow_schema()
    count = 0
    with (
        path.open("wb") as file,
        pq.ParquetWriter(file, schema, compression="none", use_dictionary=False, write_statistics=False) as writer,
    ):
        for group in _grouped(rows, ROW_GROUP):
            writer.write_table(pa.Table.from_pylist([row.as_dict() for row in group], schema=schema))
            count += len(group)
        writer.close()
        file.flush()
        os.fsync(file.fileno())
    return count


def read_rows(path: Path, row_type: type[R], *, columns: Sequence[str] | None = None) -> Iterator[R]:
    """Rows of a shard in order, one row group in memory at a time.

    With `columns`, only those fields are read and the rest get their type's empty value (b"", 0, "", []).

    Raises:
        ShardError: the file is no shard of `row_type`, or of another format version.
    """
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise ShardError(f"{path}: not a readable shard ({error}); delete it and run the stage again") from error
    with file:
        check_schema(path, file.schema_arrow, row_type)
        blanks = {} if columns is None else _blanks(row_type, set(columns))
        for index in range(file.num_row_groups):
            for values in file.read_row_group(index, columns=columns).to_pylist():
                yield row_type.from_arrow({**blanks, **values})


def shard_row_type(path: Path) -> str:
    """The name of the row type a shard holds.

    Raises:
        ShardError: the file is no shard.
    """
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (pa.ArrowInvalid, OSError) as error:
        raise ShardError(f"{path}: not a readable shard ({error}); delete it and run the stage again") from error
    return str(metadata.get(b"row", b"").decode())


def check_schema(path: Path, schema: pa.Schema, row_type: type[Row]) -> None:
    """Raise ShardError unless `schema` is exactly the one of `row_type` in this format version."""
    metadata = schema.metadata or {}
    found = f"{metadata.get(b'row', b'?').decode()} format {metadata.get(b'format', b'?').decode()}"
    if not schema.equals(row_type.arrow_schema()) or found != f"{row_type.__name__} format {FORMAT_VERSION}":
        raise ShardError(
            f"{path}: holds {found}, expected {row_type.__name__} format {FORMAT_VERSION}; "
            "run `dvc repro` to rebuild it with this version"
        )


def file_digest(path: Path) -> str:
    """SHA-256 (hex) of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _blanks(row_type: type[Row], kept: set[str]) -> dict[str, object]:
    schema = row_type.arrow_schema()
    empty: dict[object, object] = {pa.string(): "", pa.int64(): 0, pa.float64(): 0.0, pa.bool_(): False}
    empty[pa.large_binary()] = b""
    return {field.name: empty.get(field.type, []) for field in schema if field.name not in kept}


def _grouped(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    group: list[Row] = []
    for row in rows:
        group.append(row)
        if len(group) == size:
            yield group
            group = []
    if group:
        yield group
