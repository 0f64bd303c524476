from __future__ import annotations

from pathlib import Path

import pytest

from datasets.schema import BoxRow
from datasets.shards import read_rows
from datasets.store import Store
from pipeline.work import Attempt, Unit, WorkOptions, heartbeat_path, work
from tests.pipeline.toys import Toy, ToyConfig


def unit(items=3, key="k"):
    return Unit("toy", "", key, "film.mp4", "lineage", (Path(f"film-{items}"),))


@pytest.fixture
def options(tmp_path):
    return WorkOptions(tmp_path / "store", shard_frames=64)


def rows(options, receipt):
    return [r.time_us for file in receipt.files for r in read_rows(options.store / "toy" / file.name, BoxRow)]


def test_done_work_is_committed_and_counted(options):
    outcome = work(Toy(ToyConfig()), unit(), options)
    assert outcome.committed and outcome.receipt == Store(options.store).lookup("toy", "k")
    assert (outcome.receipt.inputs, outcome.receipt.done) == (6, 6)
    assert rows(options, outcome.receipt) == [0, 1, 10, 11, 20, 21]
    assert not heartbeat_path(options.store, "k").exists()


@pytest.mark.parametrize(
    "trouble, dropped, failed, kept",
    [
        ("drop", {"unwanted": 2}, {}, [0, 1, 20, 21]),
        ("fail", {}, {"broken": 2}, [0, 1, 20, 21]),
        ("raise", {}, {"ValueError": 2}, [0, 1, 20, 21]),
        ("partial", {"second_half": 1}, {}, [0, 1, 10, 20, 21]),
    ],
)
def test_trouble_costs_the_item_and_nothing_else(options, trouble, dropped, failed, kept):
    receipt = work(Toy(ToyConfig(trouble={1: trouble})), unit(), options).receipt
    assert (dict(receipt.dropped), dict(receipt.failed)) == (dropped, failed)
    assert receipt.done == 6 - sum(dropped.values()) - sum(failed.values())
    assert rows(options, receipt) == kept


def test_an_exception_is_told_with_the_item_that_raised_it(options):
    receipt = work(Toy(ToyConfig(trouble={1: "raise"})), unit(), options).receipt
    assert receipt.details == ("item 1: no such pixel",)


def test_out_of_memory_may_pass_and_is_not_cached(options):
    outcome = work(Toy(ToyConfig(trouble={1: "memory"})), unit(), options)
    assert outcome.receipt is None and outcome.retryable == ("item 1: too large",)
    assert Store(options.store).lookup("toy", "k") is None


def test_accepted_failures_reach_the_out_but_never_the_store(options):
    accepting = WorkOptions(options.store, accept_failures=True)
    outcome = work(Toy(ToyConfig(trouble={1: "memory"})), unit(), accepting)
    assert not outcome.committed and dict(outcome.receipt.failed) == {"out_of_memory": 2}
    assert Store(options.store).lookup("toy", "k") is None


def test_a_new_shard_starts_at_the_first_clip_after_the_limit(options):
    receipt = work(Toy(ToyConfig()), unit(items=4), WorkOptions(options.store, shard_frames=3)).receipt
    assert [file.rows for file in receipt.files] == [4, 4]
    assert [file.name for file in receipt.files] == ["k-000.parquet", "k-001.parquet"]


def test_a_unit_without_rows_has_a_receipt_and_no_shard(options):
    receipt = work(Toy(ToyConfig(trouble={0: "drop"})), unit(items=1), options).receipt
    assert receipt.files == () and receipt.inputs == 2


def test_items_known_to_kill_workers_are_failed_by_name(options):
    receipt = work(Toy(ToyConfig(trouble={1: "abort"})), unit(), options, Attempt(skip={1: "it died"})).receipt
    assert dict(receipt.failed) == {"worker_died": 2} and receipt.details == ("item 1: it died",)
    assert rows(options, receipt) == [0, 1, 20, 21]


def test_a_trial_of_one_item_commits_nothing(options):
    outcome = work(Toy(ToyConfig()), unit(), options, Attempt(only=1))
    assert outcome.receipt is None and Store(options.store).lookup("toy", "k") is None
