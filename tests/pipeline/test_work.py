from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from datasets.schema import BoxRow
from datasets.shards import file_digest, read_rows
from datasets.store import Store
from pipeline.heartbeat import Heartbeat
from pipeline.tally import out_of_memory
from pipeline.work import Attempt, Bench, StageSpec, Unit, WorkOptions, work
from stages.base import Fail
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
    poison = Fail("worker_died", "it died")
    receipt = work(Toy(ToyConfig(trouble={1: "abort"})), unit(), options, Attempt(skip={1: poison})).receipt
    assert dict(receipt.failed) == {"worker_died": 2} and receipt.details == ("item 1: it died",)
    assert rows(options, receipt) == [0, 1, 20, 21]


def test_a_trial_of_one_item_commits_nothing(options):
    outcome = work(Toy(ToyConfig()), unit(), options, Attempt(only=1))
    assert outcome.receipt is None and Store(options.store).lookup("toy", "k") is None


def test_a_lost_item_that_may_get_better_keeps_the_unit_from_the_store(options):
    outcome = work(Toy(ToyConfig()), unit(), options, Attempt(skip={1: Fail("stalled", "it hung", retryable=True)}))
    assert outcome.receipt is None and outcome.retryable == ("item 1: it hung",)
    assert Store(options.store).lookup("toy", "k") is None


class Notes(Heartbeat):
    """A heartbeat that remembers."""

    def __init__(self):
        super().__init__()
        self.items = []

    def at(self, item):
        super().at(item)
        self.items.append(item)


def test_every_item_is_noted_before_it_is_read_and_none_while_committing(options):
    notes = Notes()
    work(Toy(ToyConfig()), unit(items=2), options, heartbeat=notes)
    assert notes.items == [None, 0, 1, 2, None]  # 2: the look for a third item


def test_a_trial_of_one_item_ends_with_that_item(options):
    notes = Notes()
    work(Toy(ToyConfig()), unit(items=5), options, Attempt(only=1), notes)
    assert notes.items == [None, 0, 1]


def test_memory_that_runs_out_between_items_costs_the_unit_not_the_run(options):
    class Greedy(Toy):
        def items(self, inputs):
            yield 0
            raise MemoryError("cannot hold the next one")

    outcome = work(Greedy(ToyConfig()), unit(), options)
    assert outcome.receipt is None and "cannot hold the next one" in outcome.retryable[0]
    assert not list((options.store / "staging").iterdir())


@pytest.mark.parametrize(
    "error, expected",
    [
        (MemoryError(), True),
        (OSError(12, "Cannot allocate memory"), True),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), True),
        (OSError(2, "No such file"), False),
        (ValueError("a broken frame"), False),
    ],
)
def test_what_counts_as_out_of_memory(error, expected):
    assert out_of_memory(error) is expected


def test_a_damaged_input_is_never_read(tmp_path):
    """The toy would count three items in `film-3`; the file's bytes are not those that the manifest names."""
    film = tmp_path / "film-3"
    film.write_bytes(b"as written")
    good = Unit("toy", "", "k", "film", "l", (film,), digests=(file_digest(film),))
    options = WorkOptions(tmp_path / "store")
    assert work(Toy(ToyConfig()), good, options).committed
    film.write_bytes(b"as writteN")
    found = work(Toy(ToyConfig()), replace(good, key="k2"), options)
    assert found.damaged == (film,) and found.receipt is None and not found.committed
    assert str(film) in found.retryable[0]
    film.unlink()
    assert work(Toy(ToyConfig()), replace(good, key="k3"), options).damaged == (film,)


@pytest.fixture
def opened(monkeypatch):
    """Weights opened (+) and closed (-), by factor."""
    log = []
    monkeypatch.setattr(Toy, "setup", lambda self: log.append(f"+{self.config.factor:g}"))
    monkeypatch.setattr(Toy, "teardown", lambda self: log.append(f"-{self.config.factor:g}"))
    return log


def spec(factor, *, light):
    return StageSpec("tests.pipeline.toys:Toy", ToyConfig(factor=factor), Path(), light)


def test_light_stages_stay_open_together_and_a_heavy_one_is_alone(opened):
    bench = Bench()
    first = bench.stage(spec(1, light=True))
    bench.stage(spec(2, light=True))
    assert bench.stage(spec(1, light=True)) is first and opened == ["+1", "+2"]
    bench.stage(spec(3, light=False))
    bench.stage(spec(4, light=False))
    bench.stage(spec(1, light=True))
    bench.close()
    assert opened == ["+1", "+2", "-2", "-1", "+3", "-3", "+4", "-4", "+1", "-1"]
