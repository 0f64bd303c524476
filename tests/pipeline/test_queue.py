from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.poison import Task
from pipeline.queue import NEAR, Queue
from pipeline.shards import MadeWhenAsked
from pipeline.work import Job, StageSpec, Unit
from tests.pipeline.toys import ToyConfig


def job(name, lineage=""):
    return Job(StageSpec("tests.pipeline.toys:Toy", ToyConfig(), Path()), Unit("toy", "", name, name, lineage, ()))


def test_what_comes_again_at_once_is_before_fresh_work_and_what_may_wait_behind_it():
    queue = Queue([job("fresh 1"), job("fresh 2")])
    queue.put_last(Task(job("last 1")))
    queue.put_first(Task(job("first 1")))
    queue.put_first(Task(job("first 2")))
    queue.put_last(Task(job("last 2")))
    order = ["first 2", "first 1", "fresh 1", "fresh 2", "last 1", "last 2"]
    assert queue.labels(9) == order and len(queue) == 6
    assert [queue.pop().job.unit.label for _ in order] == order
    assert not queue
    with pytest.raises(IndexError):
        queue.pop()


def test_a_worker_stays_with_its_shard_and_keeps_away_from_those_of_others():
    queue = Queue([job(f"{shard}{teacher}", shard) for shard in "abc" for teacher in range(2)])
    deal = lambda last="", busy=(): queue.pop(last, busy).job.unit.label  # noqa: E731
    assert deal() == "a0"
    assert deal(busy={"a"}) == "b0"
    assert deal("b", {"a"}) == "b1"
    assert deal("b", {"a"}) == "c0"
    assert deal("a", {"c"}) == "a1"
    assert deal("a", {"c"}) == "c1"  # nothing else is left


def test_jobs_far_from_the_front_are_not_even_made():
    made = []
    queue = Queue(MadeWhenAsked(10_000, lambda index: made.append(index) or job(str(index), "x")))
    for _ in range(5):
        queue.pop("y", {"x"})
    assert len(made) == NEAR + 4 and len(queue) == 9_995
