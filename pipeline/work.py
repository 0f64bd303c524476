"""One unit of work: read its input shards, run the stage item by item, commit the result. The same for every runner."""

from __future__ import annotations

import errno
import importlib
import itertools
import os
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from datasets.faults import fault_point
from datasets.receipt import Receipt, StoredFile
from datasets.schema import Row
from datasets.shards import ShardWriter, file_digest
from datasets.store import Store
from pipeline.heartbeat import Heartbeat
from stages.base import Config, Drop, Fail, Stage

AnyStage = Stage[Any, Any]


@dataclass(frozen=True)
class StageSpec:
    """How a worker builds the stage: plain values only, so that it can travel to another machine."""

    stage_class: str  # "stages.detect:Detect"
    config: Config
    root: Path

    def build(self) -> AnyStage:
        """The stage object; weights are not open yet."""
        module, _, name = self.stage_class.partition(":")
        stage: AnyStage = getattr(importlib.import_module(module), name)(self.config, root=self.root)
        return stage


@dataclass(frozen=True)
class Unit:
    """One unit of work: one input shard (for ingest one source) of one stage.

    Attributes:
        inputs: files to read. digests: their SHA-256 by the manifest they came from, in the same order; none for
            footage, which has no manifest.
        weight: frames, to start the longest units first.
    """

    stage: str
    folder: str
    key: str
    label: str
    lineage: str
    inputs: tuple[Path, ...]
    weight: int = 1
    digests: tuple[str, ...] = ()


@dataclass(frozen=True)
class Job:
    """A unit and the stage it is for."""

    spec: StageSpec
    unit: Unit


class Bench:
    """Keeps one stage open at a time: jobs of one stage come in a row, so weights are opened once."""

    def __init__(self) -> None:
        self._spec: StageSpec | None = None
        self._stage: AnyStage | None = None

    def stage(self, spec: StageSpec) -> AnyStage:
        """The stage of `spec` with its weights open."""
        if self._stage is None or spec != self._spec:
            self.close()
            stage = spec.build()
            stage.setup()
            self._spec, self._stage = spec, stage
        return self._stage

    def close(self) -> None:
        """Close the open stage's weights."""
        if self._stage is not None:
            self._stage.teardown()
            self._stage = None


@dataclass(frozen=True)
class Attempt:
    """How to go about a unit: items that are known to kill workers get their Fail; `only` runs one item alone."""

    skip: Mapping[int, Fail] = field(default_factory=dict)
    only: int | None = None


@dataclass(frozen=True)
class WorkOptions:
    """What all units of a run share. See `pipeline.params.PipelineConfig`."""

    store: Path
    shard_frames: int = 64
    accept_failures: bool = False
    stall_seconds: float = 900.0


@dataclass(frozen=True)
class Outcome:
    """What a worker reports. Frames and masks never travel: they are in the store.

    Attributes:
        receipt: None for a trial of a single item, when retryable failures kept the unit from being committed, or
            when the unit as a whole was lost.
        committed: the receipt is in the store (else it lies in `accepted/`).
        retryable: messages of retryable Fails.
        damaged: inputs that are missing or not as they were written; then nothing was read.
        worker: host and process that did it.
    """

    unit: Unit
    receipt: Receipt | None
    committed: bool
    retryable: tuple[str, ...]
    seconds: float
    model_seconds: float
    worker: str
    damaged: tuple[Path, ...] = ()


def work(
    stage: AnyStage,
    unit: Unit,
    options: WorkOptions,
    attempt: Attempt | None = None,
    heartbeat: Heartbeat | None = None,
) -> Outcome:
    """Run one unit and commit its result to the store; `heartbeat` is told which item is in work."""
    heartbeat = heartbeat or Heartbeat()
    start, models_before = time.perf_counter(), stage.model_seconds
    heartbeat.at(None)
    damaged = damaged_files(zip(unit.inputs, unit.digests, strict=False))
    try:
        if damaged:
            receipt, retryable = None, tuple(f"{path} is damaged or missing, and was set aside" for path in damaged)
        else:
            receipt, retryable = _work(stage, unit, options, attempt or Attempt(), heartbeat)
    except Exception as error:
        if not out_of_memory(error):
            raise
        receipt, retryable = None, (f"out of memory outside of the work on any one item: {error}",)
    return Outcome(
        unit=unit,
        receipt=receipt,
        committed=receipt is not None and not retryable,
        retryable=retryable,
        seconds=time.perf_counter() - start,
        model_seconds=stage.model_seconds - models_before,
        worker=f"{socket.gethostname()}:{os.getpid()}",
        damaged=damaged,
    )


def damaged_files(files: Iterable[tuple[Path, str]]) -> tuple[Path, ...]:
    """Those of the files, with their SHA-256, that are missing or hold other bytes."""
    return tuple(path for path, digest in files if not path.is_file() or file_digest(path) != digest)


def _work(
    stage: AnyStage, unit: Unit, options: WorkOptions, attempt: Attempt, heartbeat: Heartbeat
) -> tuple[Receipt | None, tuple[str, ...]]:
    store = Store(options.store)
    with store.staging() as staged:
        parts = _Parts(staged, unit.key, stage.produces, options.shard_frames)
        tally = _Tally(heartbeat.pulse)
        for index, item in _noted(stage.items(unit.inputs), heartbeat):
            if attempt.only is not None and index != attempt.only:
                continue
            size = stage.size(item)
            if index in attempt.skip:
                fail = attempt.skip[index]
                tally.fail(size, replace(fail, detail=f"{stage.describe(item)}: {fail.detail}"))
                continue
            fault_point("work.item")
            tally.item(size, stage, item, parts)
            if index == attempt.only:
                break
        files = parts.close()
        receipt: Receipt | None = None
        if attempt.only is None and (not tally.retryable or options.accept_failures):
            receipt = tally.receipt(unit, files, parts.licences)
            receipt = store.accept(staged, receipt) if tally.retryable else store.commit(staged, receipt)
    return receipt, tuple(tally.retryable)


def _noted(items: Iterable[Any], heartbeat: Heartbeat) -> Iterator[tuple[int, Any]]:
    """Number the items. Each is noted before it is read, so that what kills its reader has a number too."""
    iterator = iter(items)
    for index in itertools.count():
        heartbeat.at(index)
        try:
            item = next(iterator)
        except StopIteration:
            heartbeat.at(None)
            return
        yield index, item


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


class _Parts:
    """The unit's shard files. A new one starts at a clip's border once the last holds `shard_frames` rows."""

    def __init__(self, folder: Path, key: str, row_type: type[Row], shard_frames: int) -> None:
        self._folder, self._key, self._row_type, self._limit = folder, key, row_type, shard_frames
        self._writers: list[ShardWriter] = []
        self._clip: tuple[str, int] | None = None
        self.licences: set[str] = set()

    def append(self, row: Row) -> None:
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
        if self._writers:
            self._writers[-1].close()
        return tuple(StoredFile(w.path.name, "", 0, w.rows) for w in self._writers)


class _Tally:
    """Counts every unit of input exactly once: done, dropped by reason or failed by reason."""

    def __init__(self, pulse: Callable[[], None]) -> None:
        self._pulse = pulse
        self.inputs = 0
        self.dropped: Counter[str] = Counter()
        self.failed: Counter[str] = Counter()
        self.details: list[str] = []
        self.retryable: list[str] = []

    def item(self, size: int, stage: AnyStage, item: Any, parts: _Parts) -> None:
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
        self.inputs += size
        self._fail(size, fail)

    def receipt(self, unit: Unit, files: tuple[StoredFile, ...], licences: set[str]) -> Receipt:
        lost = self.dropped.total() + self.failed.total()
        return Receipt(
            stage=unit.stage,
            folder=unit.folder,
            key=unit.key,
            label=unit.label,
            lineage=unit.lineage,
            files=files,
            inputs=self.inputs,
            done=self.inputs - lost,
            dropped=dict(sorted(self.dropped.items())),
            failed=dict(sorted(self.failed.items())),
            details=tuple(self.details),
            licences=tuple(sorted(licences)),
        )

    def _fail(self, size: int, fail: Fail) -> None:
        self.failed[fail.reason] += size if fail.count is None else fail.count
        self.details.append(fail.detail or fail.reason)
        if fail.retryable:
            self.retryable.append(fail.detail or fail.reason)


def _values(result: Iterable[Row | Drop | Fail] | Drop | Fail) -> Iterable[Row | Drop | Fail]:
    return (result,) if isinstance(result, Drop | Fail) else result
