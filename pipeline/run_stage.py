"""Run one stage: plan it, look every key up, compute only what is missing, link the out, write its manifest."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from datasets.receipt import Receipt
from datasets.store import Store
from pipeline.digests import DigestCache
from pipeline.errors import StageError
from pipeline.params import Params
from pipeline.plan import Plan, plan
from pipeline.publish import Place, publish
from pipeline.run_local import run_local
from pipeline.run_log import Summary
from pipeline.verify import set_aside
from pipeline.work import Job, Outcome, Unit, WorkOptions

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
    digests = DigestCache(root / ".autoroto" / "digests.json")
    plans = plan(stage, params, root, digests, footage=footage)
    digests.save()
    store = Store(root / params.pipeline.store)
    options = WorkOptions(
        store.root, params.pipeline.shard_frames, params.pipeline.accept_failures, params.pipeline.stall_seconds
    )

    receipts: dict[Place, Receipt] = {}
    accepted: set[Place] = set()
    outcomes: list[Outcome] = []
    total = sum(len(entry.units) for entry in plans)
    missing = [_lookup(entry, store, receipts) for entry in plans]
    if progress:
        progress(len(receipts), total, "")
    start_seconds = time.perf_counter() - clock
    jobs = [
        Job(entry.spec, unit) for entry, units in zip(plans, missing, strict=True) for unit in _longest_first(units)
    ]
    began = float("inf")
    for outcome in _run(stage, jobs, params, options):
        outcomes.append(outcome)
        began = min(began, time.perf_counter() - outcome.seconds)
        place = outcome.unit.folder, outcome.unit.key
        if outcome.receipt is not None:
            receipts[place] = outcome.receipt
            if not outcome.committed:
                accepted.add(place)
        if progress:
            progress(total - len(jobs) + len(outcomes), total, outcome.unit.label)
    for path in {path for outcome in outcomes for path in outcome.damaged}:
        set_aside(path, store, root)
    _check(stage, outcomes, receipts, params)
    publish(stage, receipts, accepted, store, params, root)
    flow_seconds = max(0.0, time.perf_counter() - began)
    return _summary(stage, started, clock, start_seconds, flow_seconds, total, outcomes, receipts)


def _lookup(entry: Plan, store: Store, receipts: dict[Place, Receipt]) -> list[Unit]:
    missing = []
    for unit in entry.units:
        receipt = store.lookup(unit.stage, unit.key)
        if receipt is None:
            missing.append(unit)
        else:
            store.touch(receipt)
            receipts[unit.folder, unit.key] = receipt
    return missing


def _longest_first(units: Sequence[Unit]) -> list[Unit]:
    return sorted(units, key=lambda unit: -unit.weight)


def _run(stage: str, jobs: Sequence[Job], params: Params, options: WorkOptions) -> Iterator[Outcome]:
    if not jobs:
        return iter(())  # no work, no Ray: a no-op stage takes a second or two
    if params.pipeline.runner == "local":
        return run_local(jobs, options)
    from pipeline.run_ray import run_ray  # Ray takes a second to import

    return run_ray(jobs, options, params.pipeline.resources_of(stage))


def _check(stage: str, outcomes: Sequence[Outcome], receipts: dict[Place, Receipt], params: Params) -> None:
    # a unit that was lost as a whole has no receipt: its inputs cannot be counted, so nobody can go on without them
    stopping = [o for o in outcomes if o.retryable and (o.receipt is None or not params.pipeline.accept_failures)]
    lost = sorted((outcome.unit.label, message) for outcome in stopping for message in outcome.retryable)
    if lost:
        lines = "\n".join(f"  {label}: {message}" for label, message in lost)
        accepted = params.pipeline.accept_failures
        other = "these are whole units, which accept_failures cannot do without" if accepted else (
            "or set pipeline.accept_failures to go on without them"
        )  # fmt: skip
        raise StageError(
            f"{stage}: {len(lost)} failures that may pass (everything else is kept):\n{lines}\n"
            f"Run `dvc repro` again; {other}."
        )
    inputs = sum(receipt.inputs for receipt in receipts.values())
    reasons: Counter[str] = Counter()
    for receipt in receipts.values():
        reasons.update(receipt.failed)
    failed = reasons.total()
    if inputs and failed / inputs > params.pipeline.max_fail_fraction:
        counts = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common())
        details = [detail for _, receipt in sorted(receipts.items()) for detail in receipt.details]
        lines = "\n".join(f"  {detail}" for detail in details[:SHOWN])
        more = f"\n  … and {len(details) - SHOWN} more" if len(details) > SHOWN else ""
        raise StageError(
            f"{stage}: {failed} of {inputs} inputs failed ({counts}), more than pipeline.max_fail_fraction = "
            f"{params.pipeline.max_fail_fraction} allows:\n{lines}{more}\n"
            "Mend or remove them, or raise the limit in params.yaml."
        )


def _summary(
    stage: str,
    started: float,
    clock: float,
    start_seconds: float,
    flow_seconds: float,
    total: int,
    outcomes: Sequence[Outcome],
    receipts: dict[Place, Receipt],
) -> Summary:
    computed = [outcome.receipt for outcome in outcomes if outcome.receipt is not None]
    frames = sum(file.rows for receipt in computed for file in receipt.files)
    return Summary(
        stage=stage,
        started=started,
        seconds=time.perf_counter() - clock,
        start_seconds=start_seconds,
        units=total,
        computed=len(outcomes),
        reused=total - len(outcomes),
        frames=frames,
        inputs=sum(receipt.inputs for receipt in receipts.values()),
        done=sum(receipt.done for receipt in receipts.values()),
        dropped=sum(sum(receipt.dropped.values()) for receipt in receipts.values()),
        failed=sum(sum(receipt.failed.values()) for receipt in receipts.values()),
        worker_seconds=sum(outcome.seconds for outcome in outcomes),
        model_seconds=sum(outcome.model_seconds for outcome in outcomes),
        workers=max(1, len({outcome.worker for outcome in outcomes})),
        flow_seconds=flow_seconds,
    )
