"""One unit of work: read its input shards, run the stage item by item, commit the result. The same for every runner."""

from __future__ import annotations

import importlib
import os
import socket
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datasets.faults import fault_point
from datasets.receipt import Receipt, StoredFile
from datasets.schema import Row
from datasets.shards import ShardWriter
from datasets.store import Store
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
    """One unit of work: one input shard (for ingest one source) of one stage."""

    stage: str
    folder: str
    key: str
    label: str
    lineage: str
    inputs: tuple[Path, ...]
    weight: int = 1  # frames, to start the longest units first


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
    """How to go about a unit: items that are known to kill workers are failed by name; `only` runs one item alone."""

    skip: Mapping[int, str] = field(default_factory=dict)
    only: int | None = None


@dataclass(frozen=True)
class WorkOptions:
    """What all units of a run share."""

    store: Path
    shard_frames: int = 64
    accept_failures: bool = False


@dataclass(frozen=True)
class Outcome:
    """What a worker reports. Frames and masks never travel: they are in the store.

    Attributes:
        receipt: None for a trial of a single item, or when retryable failures kept the unit from being committed.
        committed: the receipt is in the store (else it lies in `accepted/`).
        retryable: messages of retryable Fails.
        worker: host and process that did it.
    """

    unit: Unit
    receipt: Receipt | None
    committed: bool
    retryable: tuple[str, ...]
    seconds: float
    model_seconds: float
    worker: str


def heartbeat_path(store: Path, key: str) -> Path:
    """Where a worker notes which item it is at, for whoever finds it dead."""
    return store / "staging" / f"{key}.item"


def work(stage: AnyStage, unit: Unit, options: WorkOptions, attempt: Attempt | None = None) -> Outcome:
    """Run one unit and commit its result to the store."""
    attempt = attempt or Attempt()
    start, models_before = time.perf_counter(), stage.model_seconds
    store = Store(options.store)
    heartbeat = heartbeat_path(options.store, unit.key)
    with store.staging() as staged:
        parts = _Parts(staged, unit.key, stage.produces, options.shard_frames)
        tally = _Tally()
        for index, item in enumerate(stage.items(unit.inputs)):
            if attempt.only is not None and index != attempt.only:
                continue
            size = stage.size(item)
            if index in attempt.skip:
                tally.fail(size, Fail("worker_died", f"{stage.describe(item)}: {attempt.skip[index]}"))
                continue
            _beat(heartbeat, index)
            fault_point("work.item")
            tally.item(size, stage, item, parts)
        files = parts.close()
        heartbeat.unlink(missing_ok=True)
        receipt: Receipt | None = None
        if attempt.only is None and (not tally.retryable or options.accept_failures):
            receipt = tally.receipt(unit, files, parts.licences)
            receipt = store.accept(staged, receipt) if tally.retryable else store.commit(staged, receipt)
    return Outcome(
        unit=unit,
        receipt=receipt,
        committed=receipt is not None and not tally.retryable,
        retryable=tuple(tally.retryable),
        seconds=time.perf_counter() - start,
        model_seconds=stage.model_seconds - models_before,
        worker=f"{socket.gethostname()}:{os.getpid()}",
    )


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

    def __init__(self) -> None:
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
            retryable = isinstance(error, MemoryError)
            reason = "out_of_memory" if retryable else type(error).__name__
            self._fail(size - spent, Fail(reason, f"{stage.describe(item)}: {error}", retryable=retryable))
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


def _beat(path: Path, index: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.write(descriptor, str(index).encode())
    os.close(descriptor)
