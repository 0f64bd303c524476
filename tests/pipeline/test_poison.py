from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.poison import NODE_DEATHS, UNIT_DEATHS, Death, Task
from pipeline.work import Attempt, Job, Outcome, StageSpec, Unit
from tests.pipeline.toys import ToyConfig

CRASH = Death("crash", "Aborted")
KILLED = Death("killed", "without a word")
STALL = Death("stall", "no progress for 5 s")
NODE = Death("node", "its node was lost")


@pytest.fixture
def task(tmp_path):
    spec = StageSpec("tests.pipeline.toys:Toy", ToyConfig(), tmp_path)
    return Task(Job(spec, Unit("toy", "", "k", "film", "l", (Path("film-3"),))))


def outcome(task, *retryable):
    return Outcome(task.job.unit, None, False, retryable, 0.0, 0.0, "host:1")


def test_two_crashes_then_a_trial_alone_then_the_item_is_poison_for_good(task):
    assert task.died(1, CRASH) and task.attempt().only is None
    assert task.died(1, CRASH) and task.attempt().only == 1
    assert task.died(1, CRASH) and task.attempt().only is None
    fail = task.attempt().skip[1]
    assert (fail.reason, fail.retryable) == ("worker_died", False)
    assert "died 3 times, the last time alone (Aborted)" in fail.detail


@pytest.mark.parametrize("death, reason", [(KILLED, "out_of_memory"), (Death("memory", "by Ray"), "out_of_memory")])
def test_a_killed_worker_may_be_no_fault_of_the_clip(task, death, reason):
    for _ in range(3):
        task.died(1, death)
    fail = task.attempt().skip[1]
    assert (fail.reason, fail.retryable) == (reason, True)


def test_a_stall_is_tried_once_more_alone(task):
    task.died(1, STALL)
    assert task.attempt().only == 1
    task.died(1, STALL)
    fail = task.attempt().skip[1]
    assert (fail.reason, fail.retryable) == ("stalled", True)
    assert "no progress for 5 s, 2 times, the last time alone" in fail.detail


def test_the_last_death_alone_decides_what_the_fail_is(task):
    for death in (KILLED, CRASH, KILLED):
        task.died(1, death)
    assert task.attempt().skip[1].retryable


def test_an_item_that_dies_in_company_only_is_given_up_and_not_for_good(task):
    task.died(1, CRASH)
    task.died(1, CRASH)
    task.survived_alone()
    assert task.attempt() == Attempt({}, None)
    task.died(1, CRASH)
    assert not task.attempt().skip
    task.died(1, CRASH)
    assert task.attempt().skip[1].retryable and task.attempt().only is None


def test_deaths_of_several_items_are_counted_apart(task):
    task.died(1, CRASH)
    task.died(2, CRASH)
    assert task.attempt().only is None and not task.attempt().skip


def test_deaths_that_no_item_can_be_blamed_for_lose_the_unit_in_the_end(task):
    blamed = [task.died(None, CRASH) for _ in range(UNIT_DEATHS)]
    assert not any(blamed) and "outside of the work" in task.lost
    assert task.outcome().receipt is None and task.outcome().retryable == (task.lost,)


def test_an_item_that_cannot_even_be_passed_over_loses_the_unit(task):
    """Its reader dies: skipping it does not help, and must not go on for ever."""
    for _ in range(3):
        task.died(1, CRASH)
    assert not task.lost
    task.died(1, CRASH)
    assert task.lost


def test_another_item_that_dies_during_a_trial_is_not_the_one_on_trial(task):
    task.died(1, STALL)
    task.died(0, CRASH)
    assert task.attempt().only == 1 and not task.attempt().skip


def test_lost_nodes_blame_nobody_but_not_for_ever(task):
    for _ in range(NODE_DEATHS - 1):
        assert not task.died(1, NODE)
    assert not task.lost and not task.attempt().skip and task.attempt().only is None
    task.died(1, NODE)
    assert task.lost


@pytest.mark.parametrize("kinds", [[CRASH], [KILLED], [STALL], [CRASH, STALL], [STALL, KILLED, CRASH]])
@pytest.mark.parametrize("survives", [True, False])
def test_whatever_happens_it_ends(task, kinds, survives):
    """Three items that each end every worker at every chance."""
    for attempts in range(100):
        left = [item for item in range(3) if item not in task.attempt().skip]
        if task.lost or not left:
            break
        only = task.attempt().only
        if only is not None and survives:
            task.survived_alone()
        else:
            task.died(only if only is not None else left[0], kinds[attempts % len(kinds)])
    assert attempts <= 3 * 5


def test_memory_that_ran_out_is_tried_again_once(task):
    assert task.retries(outcome(task, "item 1: too large"))
    assert not task.retries(outcome(task, "item 1: too large"))


def test_what_is_given_up_already_is_no_reason_to_try_again(task):
    for _ in range(2):
        task.died(1, STALL)
    assert not task.retries(outcome(task, "item 1: no progress"))
    assert task.retries(outcome(task, "item 1: no progress", "item 2: too large"))
