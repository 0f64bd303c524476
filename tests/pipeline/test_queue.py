from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.poison import Task
from pipeline.queue import Queue
from pipeline.work import Job, StageSpec, Unit
from tests.pipeline.toys import ToyConfig


def job(name):
    return Job(StageSpec("tests.pipeline.toys:Toy", ToyConfig(), Path()), Unit("toy", "", name, name, "", ()))


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
