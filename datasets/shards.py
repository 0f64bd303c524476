"""Shard files: Parquet with one schema, written atomically, read row by row or burst by burst."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from datasets.faults import fault_point
from datasets.schema import FORMAT_VERSION, Row

R = TypeVar("R", bound=Row)

ROW_GROUP = 32
"""Rows a row group: what a reader holds in memory at once."""


class ShardError(ValueError):
    """A shard file is not what its reader expects. The message names the file and the cure."""


class ShardWriter:
    """Writes rows of one type into one Parquet file. The bytes depend on the rows alone.

    The caller renames the file into place: an unfinished file never has a final name.
    """

    def __init__(self, path: Path, row_type: type[Row]) -> None:
        self.path = path
        self.rows = 0
        self._schema = row_type.arrow_schema()
        self._file = path.open("wb")
        # images are compressed already; without statistics and dictionaries the layout stays simple and quick
        self._writer = pq.ParquetWriter(
            self._file, self._schema, compression="none", use_dictionary=False, write_statistics=False
        )
        self._group: list[Row] = []
        self._refused: OSError | None = None
        fault_point("shard.opened")

    def append(self, row: Row) -> None:
        """Add one row; it reaches the file with its row group."""
        self._group.append(row)
        self.rows += 1
        if len(self._group) == ROW_GROUP:
            self._flush()

    def close(self) -> None:
        """Finish the file and fsync it.

        Raises:
            OSError: the disk takes no more, now or in an earlier `append`: a file with a hole is never finished.
        """
        if self._refused is not None:
            raise self._refused
        self._flush()
        fault_point("shard.closing")
        self._writer.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()

    def _flush(self) -> None:
        if self._group:
            table = pa.Table.from_pylist([row.as_dict() for row in self._group], schema=self._schema)
            try:
                self._writer.write_table(table)
            except OSError as error:
                self._refused = error
                raise
            self._group = []
            fault_point("shard.row_group")


def write_rows(path: Path, rows: Iterable[Row], row_type: type[Row]) -> int:
    """Write all `rows` as one shard file and fsync it; returns the number of rows."""
    writer = ShardWriter(path, row_type)
    for row in rows:
        writer.append(row)
    writer.close()
    return writer.rows


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


def file_version(path: Path) -> tuple[int, int, int]:
    """What changes when a file is written or replaced: inode, size, time of the last change in nanoseconds."""
    status = path.stat()
    return status.st_ino, status.st_size, status.st_mtime_ns


def _blanks(row_type: type[Row], kept: set[str]) -> dict[str, object]:
    schema = row_type.arrow_schema()
    empty: dict[object, object] = {pa.string(): "", pa.int64(): 0, pa.float64(): 0.0, pa.bool_(): False}
    empty[pa.large_binary()] = b""
    return {field.name: empty.get(field.type, []) for field in schema if field.name not in kept}
