"""Run one stage: plan it, look every key up, compute only what is missing, link the out, write its manifest."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa

from datasets.manifest import Ledger
from datasets.store import Store
from pipeline.digests import DigestCache
from pipeline.errors import StageError
from pipeline.params import Params
from pipeline.plan import Plan, plan
from pipeline.publish import Place, publish
from pipeline.run_local import run_local
from pipeline.run_log import Summary
from pipeline.shards import MadeWhenAsked
from pipeline.verify import set_aside
from pipeline.work import Job, Outcome, WorkOptions

Progress = Callable[[int, int, str], None]
"""Called with units done, units in all, and the label of the unit that just ended."""


SHOWN = 20
"""Failures that a summary of too many shows."""


def run_stage(
    stage: str, params: Params, root: Path, *, footage: Sequence[Path] = (), progress: Progress | None = None
) -> Summary:
    """Bring `data/<stage>/` up to date. `footage` stands in for everything under `ingest.raw`.

    Raises:
        StageError: retryable failures, too many failures, or workers that do not come up. Everything else is committed;
            run again to go on.
        FileNotFoundError: an earlier stage or a weight file is missing.
    """
    started, clock = time.time(), time.perf_counter()
    pa.set_memory_pool(pa.system_memory_pool())  # Arrow's own allocators keep what was freed; a driver lives for days
    digests = DigestCache(root / ".autoroto" / "digests.json")
    plans = plan(stage, params, root, digests, footage=footage)
    digests.save()
    store = Store(root / params.pipeline.store)
    options = WorkOptions(
        store.root, params.pipeline.shard_frames, params.pipeline.accept_failures, params.pipeline.stall_seconds
    )

    receipts, accepted, effort = Ledger(), set[Place](), _Effort()
    total = sum(len(entry.units) for entry in plans)
    jobs = _missing(plans, store, receipts)
    if progress:
        progress(len(receipts), total, "")
    start_seconds = time.perf_counter() - clock
    began = float("inf")
    for outcome in _run(stage, jobs, params, options):
        effort.add(outcome)
        began = min(began, time.perf_counter() - outcome.seconds)
        if outcome.receipt is not None:
            receipts.add(outcome.receipt)
            if not outcome.committed:
                accepted.add((outcome.unit.folder, outcome.unit.key))
        if progress:
            progress(total - len(jobs) + effort.units, total, outcome.unit.label)
    for path in effort.damaged:
        set_aside(path, store, root)
    reused = total - effort.units
    del plans, jobs  # with them the columns they were made from: publishing has its own
    counts = _Counts.of(receipts)
    _check(stage, effort, counts, receipts, params)
    publish(stage, receipts, accepted, store, params, root)
    return Summary(
        stage=stage,
        started=started,
        seconds=time.perf_counter() - clock,
        start_seconds=start_seconds,
        units=total,
        computed=effort.units,
        reused=reused,
        frames=effort.frames,
        inputs=counts.inputs,
        done=counts.done,
        dropped=counts.dropped,
        failed=counts.failed.total(),
        worker_seconds=effort.seconds,
        model_seconds=effort.model_seconds,
        workers=max(1, len(effort.workers)),
        flow_seconds=max(0.0, time.perf_counter() - began),
    )


@dataclass
class _Effort:
    """What the outcomes of a run come to; they are not kept, as there may be very many."""

    units: int = 0
    frames: int = 0
    seconds: float = 0.0
    model_seconds: float = 0.0
    workers: set[str] = field(default_factory=set)
    damaged: set[Path] = field(default_factory=set)
    retryable: list[tuple[str, str]] = field(default_factory=list)  # of units with a receipt
    lost: list[tuple[str, str]] = field(default_factory=list)  # of units without

    def add(self, outcome: Outcome) -> None:
        self.units += 1
        self.seconds += outcome.seconds
        self.model_seconds += outcome.model_seconds
        self.workers.add(outcome.worker)
        self.damaged.update(outcome.damaged)
        failures = self.lost if outcome.receipt is None else self.retryable
        failures += [(outcome.unit.label, message) for message in outcome.retryable]
        if outcome.receipt is not None:
            self.frames += sum(file.rows for file in outcome.receipt.files)


@dataclass
class _Counts:
    """The sums over all receipts of a stage."""

    inputs: int = 0
    done: int = 0
    dropped: int = 0
    failed: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, receipts: Ledger) -> _Counts:
        counts = cls()
        for receipt in receipts:
            counts.inputs += receipt.inputs
            counts.done += receipt.done
            counts.dropped += sum(receipt.dropped.values())
            counts.failed.update(receipt.failed)
        return counts


def _missing(plans: Sequence[Plan], store: Store, receipts: Ledger) -> Sequence[Job]:
    """The jobs whose units the store does not hold; receipts of the others.

    Plan by plan, the longest first. Light ones come last, together, shard by shard: their workers keep them all open,
    and frames that are decoded for one serve the next.
    """
    missing: list[tuple[int, int, int, int]] = []
    for number, entry in enumerate(plans):
        for index, unit in enumerate(entry.units):
            receipt = store.lookup(unit.stage, unit.key)
            if receipt is None:
                missing.append((len(plans) if entry.spec.light else number, -unit.weight, index, number))
            else:
                store.touch(receipt)
                receipts.add(receipt)
    missing.sort()

    def job(position: int) -> Job:
        *_, index, number = missing[position]
        return Job(plans[number].spec, plans[number].units[index])

    return MadeWhenAsked(len(missing), job)


def _run(stage: str, jobs: Sequence[Job], params: Params, options: WorkOptions) -> Iterator[Outcome]:
    if not jobs:
        return iter(())  # no work, no Ray: a no-op stage takes a second or two
    if params.pipeline.runner == "local":
        return run_local(jobs, options)
    from pipeline.run_ray import run_ray  # Ray takes a second to import

    return run_ray(jobs, options, params.pipeline.resources_of(stage))


def _check(stage: str, effort: _Effort, counts: _Counts, receipts: Ledger, params: Params) -> None:
    # a unit that was lost as a whole has no receipt: its inputs cannot be counted, so nobody can go on without them
    accepted = params.pipeline.accept_failures
    stopping = sorted(effort.lost if accepted else effort.lost + effort.retryable)
    if stopping:
        lines = "\n".join(f"  {label}: {message}" for label, message in stopping)
        other = "these are whole units, which accept_failures cannot do without" if accepted else (
            "or set pipeline.accept_failures to go on without them"
        )  # fmt: skip
        raise StageError(
            f"{stage}: {len(stopping)} failures that may pass (everything else is kept):\n{lines}\n"
            f"Run `dvc repro` again; {other}."
        )
    failed = counts.failed.total()
    if counts.inputs and failed / counts.inputs > params.pipeline.max_fail_fraction:
        reasons = ", ".join(f"{count} {reason}" for reason, count in counts.failed.most_common())
        failures = sorted((receipt.folder, receipt.key, receipt.details) for receipt in receipts if receipt.details)
        details = [detail for *_, found in failures for detail in found]
        lines = "\n".join(f"  {detail}" for detail in details[:SHOWN])
        more = f"\n  … and {len(details) - SHOWN} more" if len(details) > SHOWN else ""
        raise StageError(
            f"{stage}: {failed} of {counts.inputs} inputs failed ({reasons}), more than pipeline.max_fail_fraction = "
            f"{params.pipeline.max_fail_fraction} allows:\n{lines}{more}\n"
            "Mend or remove them, or raise the limit in params.yaml."
        )
