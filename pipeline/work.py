"""One unit of work: read its input shards, run the stage item by item, commit the result. The same for every runner."""

from __future__ import annotations

import importlib
import itertools
import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from datasets.faults import fault_point
from datasets.receipt import Receipt, StoredFile
from datasets.store import CheckedFiles, Store
from pipeline.heartbeat import Heartbeat
from pipeline.tally import Parts, Tally, out_of_memory
from stages.base import Config, Fail, Stage

AnyStage = Stage[Any, Any]

_CHECKED = CheckedFiles()


@dataclass(frozen=True)
class StageSpec:
    """How a worker builds the stage: plain values only, so that it can travel to another machine.

    Attributes:
        stage_class: as in "stages.detect:Detect".
        light: its weights are so small that it may stay open beside other light ones.
    """

    stage_class: str
    config: Config
    root: Path
    light: bool = False

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
    """Keeps stages open, so that weights are opened once: a heavy one alone, light ones beside each other."""

    def __init__(self) -> None:
        self._open: list[tuple[StageSpec, AnyStage]] = []

    def stage(self, spec: StageSpec) -> AnyStage:
        """The stage of `spec` with its weights open."""
        for known, stage in self._open:
            if known == spec:
                return stage
        if not (spec.light and all(known.light for known, _ in self._open)):
            self.close()
        stage = spec.build()
        stage.setup()
        self._open.append((spec, stage))
        return stage

    def close(self) -> None:
        """Close the weights of all open stages."""
        while self._open:
            self._open.pop()[1].teardown()


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
    damaged = _CHECKED.damaged(zip(unit.inputs, unit.digests, strict=False))
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


def _work(
    stage: AnyStage, unit: Unit, options: WorkOptions, attempt: Attempt, heartbeat: Heartbeat
) -> tuple[Receipt | None, tuple[str, ...]]:
    store = Store(options.store)
    with store.staging() as staged:
        parts = Parts(staged, unit.key, stage.produces, options.shard_frames)
        tally = Tally(heartbeat.pulse)
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
            receipt = _receipt(unit, tally, files, parts.licences)
            receipt = store.accept(staged, receipt) if tally.retryable else store.commit(staged, receipt)
    return receipt, tuple(tally.retryable)


def _receipt(unit: Unit, tally: Tally, files: tuple[StoredFile, ...], licences: set[str]) -> Receipt:
    lost = tally.dropped.total() + tally.failed.total()
    return Receipt(
        stage=unit.stage,
        folder=unit.folder,
        key=unit.key,
        label=unit.label,
        lineage=unit.lineage,
        files=files,
        inputs=tally.inputs,
        done=tally.inputs - lost,
        dropped=dict(sorted(tally.dropped.items())),
        failed=dict(sorted(tally.failed.items())),
        details=tuple(tally.details),
        licences=tuple(sorted(licences)),
    )


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
