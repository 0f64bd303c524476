"""What became of a unit's items: rows into shard files, everything else counted by its reason."""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from datasets.receipt import StoredFile
from datasets.schema import Row
from datasets.shards import ShardWriter
from stages.base import Drop, Fail, Stage

_NO_MEMORY = (
    "can't allocate memory",  # torch on the CPU
    "out of memory",  # CUDA
    "Insufficient memory",  # OpenCV
    "Failed to allocate memory",  # ONNX Runtime
    "bad_alloc",  # C++ behind a binding
)


def out_of_memory(error: BaseException) -> bool:
    """Whether an exception means that memory ran out. Only Python and NumPy raise MemoryError; others use their own.

    >>> out_of_memory(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."))
    True
    """
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    return any(words in str(error) for words in _NO_MEMORY)


class Parts:
    """Shard files of one unit, below `folder`. A new one starts at a clip's border after `shard_frames` rows.

    Attributes:
        licences: SPDX identifiers of all rows so far.
    """

    def __init__(self, folder: Path, key: str, row_type: type[Row], shard_frames: int) -> None:
        self._folder, self._key, self._row_type, self._limit = folder, key, row_type, shard_frames
        self._writers: list[ShardWriter] = []
        self._clip: tuple[str, int] | None = None
        self.licences: set[str] = set()

    def append(self, row: Row) -> None:
        """Write the next row."""
        clip = (row.source, row.clip)
        full = bool(self._writers) and self._writers[-1].rows >= self._limit and clip != self._clip
        if full:
            self._writers[-1].close()
        if full or not self._writers:
            name = f"{self._key}-{len(self._writers):03d}.parquet"
            self._writers.append(ShardWriter(self._folder / name, self._row_type))
        self._writers[-1].append(row)
        self._clip = clip
        self.licences.update(getattr(row, "licences", ()))

    def close(self) -> tuple[StoredFile, ...]:
        """Finish the files; their names and rows, in order."""
        if self._writers:
            self._writers[-1].close()
        return tuple(StoredFile(w.path.name, "", 0, w.rows) for w in self._writers)


class Tally:
    """Counts every unit of input exactly once: done, dropped by reason or failed by reason; calls `pulse` at each row.

    Attributes:
        inputs, dropped, failed: counts in units of the stage's input, the last two by reason.
        details: messages of all Fails. retryable: of those that may pass.
    """

    def __init__(self, pulse: Callable[[], None]) -> None:
        self._pulse = pulse
        self.inputs = 0
        self.dropped: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.details: list[str] = []
        self.retryable: list[str] = []

    def item(self, size: int, stage: Stage[Any, Any], item: Any, parts: Parts) -> None:
        """Run the stage on one item of `size` units of input; rows of an item that raises are not written."""
        self.inputs += size
        before = self.dropped.total() + self.failed.total()
        rows: list[Row] = []
        try:
            for value in _values(stage.process(item)):
                self._pulse()
                if isinstance(value, Drop):
                    self.dropped[value.reason] += size if value.count is None else value.count
                elif isinstance(value, Fail):
                    self._fail(size, value)
                elif stage.streams:
                    parts.append(value)
                else:
                    rows.append(value)
        except Exception as error:  # any failure of one clip costs that clip, with its reason
            rows = []
            spent = self.dropped.total() + self.failed.total() - before
            retryable = out_of_memory(error)
            reason = "out_of_memory" if retryable else type(error).__name__
            detail = f"{stage.describe(item)}: {str(error) or reason}"
            self._fail(size - spent, Fail(reason, detail, retryable=retryable))
        for row in rows:
            parts.append(row)

    def fail(self, size: int, fail: Fail) -> None:
        """Count an item that is not tried."""
        self.inputs += size
        self._fail(size, fail)

    def _fail(self, size: int, fail: Fail) -> None:
        self.failed[fail.reason] += size if fail.count is None else fail.count
        self.details.append(fail.detail or fail.reason)
        if fail.retryable:
            self.retryable.append(fail.detail or fail.reason)


def _values(result: Iterable[Row | Drop | Fail] | Drop | Fail) -> Iterable[Row | Drop | Fail]:
    return (result,) if isinstance(result, Drop | Fail) else result
