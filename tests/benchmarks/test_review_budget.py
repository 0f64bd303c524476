"""The orders that `benchmarks/review_budget.py` compares."""

from __future__ import annotations

import importlib
import itertools
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from rich.console import Console

from qa.boosting import Boosted
from qa.expected_error import ExpectedError
from qa.view import Outline, View
from tests.walkers import CONFIG, walker

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def budget(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("review_budget")


def burst(
    budget: ModuleType,
    errors: list[float],
    after: list[list[float]],
    scores: list[float] | None = None,
    collection: str = "davis",
    group: str = "davis/a",
):
    count = len(errors)
    return budget.Known(
        collection=collection,
        group=group,
        signals=[{"label_iou": 1 - error, "held_area": 1.0} for error in errors],
        reach=np.eye(count),
        cleanlab=np.asarray(scores or [0.5] * count),
        errors=np.asarray(errors),
        after=np.asarray(after),
    )


def test_error_removed_by_hand(budget: ModuleType) -> None:
    # fixing frame 0 mends half of frame 1; fixing frame 2 mends nothing but itself
    one = burst(budget, [0.2, 0.1, 0.1], [[0, 0.05, 0.1], [0.2, 0, 0.1], [0.2, 0.1, 0]])
    still = burst(budget, [0.3], [[0]])
    assert budget.error_removed([one, still], [(0, 0)]) == pytest.approx(0.25)
    assert budget.error_removed([one, still], [(0, 2), (1, 0)]) == pytest.approx(0.4)
    # frame 1 takes the nearest fix, and of two as near the earlier one's
    assert budget.error_removed([one], [(0, 2), (0, 0)]) == pytest.approx(0.35)


def test_truth_takes_the_greatest_gain_first(budget: ModuleType) -> None:
    one = burst(budget, [0.2, 0.1, 0.1], [[0, 0.05, 0.1], [0.0, 0, 0.0], [0.2, 0.1, 0]])
    still = burst(budget, [0.3], [[0]])
    assert budget.truth_order([one, still], 0.5) == [(0, 1), (1, 0)]


def test_no_order_of_stills_beats_truth(budget: ModuleType) -> None:
    rng = np.random.default_rng(0)
    stills = [burst(budget, [float(value)], [[0.0]]) for value in rng.uniform(0, 0.3, 6)]
    best = budget.error_removed(stills, budget.truth_order(stills, 0.5))
    for chosen in itertools.combinations(range(6), 3):
        assert budget.error_removed(stills, [(number, 0) for number in chosen]) <= best + 1e-9


def test_random_is_the_mean_over_orders(budget: ModuleType) -> None:
    stills = [burst(budget, [value], [[0.0]]) for value in (0.1, 0.2, 0.3)]
    assert budget.random_removed(stills, 1) == pytest.approx(0.2, abs=0.015)
    assert budget.random_removed(stills, 3) == pytest.approx(0.6)
    assert budget.RANDOM_ORDERS >= 200


def test_cleanlab_begins_with_its_lowest_score(budget: ModuleType) -> None:
    one = burst(budget, [0.1, 0.1], np.zeros((2, 2)).tolist(), scores=[0.9, 0.2])
    two = burst(budget, [0.1], [[0.0]], scores=[0.4])
    assert budget.cleanlab_order([one, two]) == [(0, 1), (1, 0), (0, 0)]


def test_softmin_is_lower_where_the_votes_contradict(budget: ModuleType) -> None:
    label = np.zeros((24, 24), np.bool_)
    label[6:18, 6:18] = True
    vote = label.astype(np.uint8) * 255
    spoiled = vote.copy()
    spoiled[6:12] = 0

    def score(*votes: np.ndarray) -> float:
        image, trust = np.zeros((24, 24, 3), np.uint8), np.zeros((24, 24), np.uint8)
        given = {str(number): one for number, one in enumerate(votes)}
        return float(budget.softmin(View(image=image, trust=trust, label=Outline(label), votes=given)))

    assert score(vote, vote) > score(vote, spoiled) > score(spoiled)


def test_our_order_takes_the_worst_first(budget: ModuleType) -> None:
    video = burst(budget, [0.1, 0.1], np.zeros((2, 2)).tolist())
    still = burst(budget, [0.1], [[0.0]])
    assert budget.our_order([video, still], [np.array([0.1, 0.8]), np.array([0.5])]) == [(0, 1), (1, 0), (0, 0)]


def test_only_what_there_is_is_reported(budget: ModuleType) -> None:
    stills = [burst(budget, [0.1 * k], [[0.0]], collection="ccp") for k in range(1, 6)]
    expected = [np.array([0.1 * k]) for k in range(1, 6)]
    found = budget.report(stills, expected, Console(quiet=True), "sets")
    assert set(found) == {"stills"} and set(found["stills"]) == {"0.01", "0.02", "0.05", "0.1"}
    assert found["stills"]["0.1"]["ours"] == found["stills"]["0.1"]["truth"] == pytest.approx(0.5)


def test_each_burst_is_rated_by_who_has_not_seen_it(budget: ModuleType) -> None:
    dealt = {"ccp/1": 0, "davis/a": 1}
    names = ["everything", "fold-0", "fold-1", "without-ccp", "without-davis"]
    # of what a fit expects, the share of held areas tells which one it is
    fitted = {name: ExpectedError(Boosted(-50.0, ()), 0.1 * number) for number, name in enumerate(names)}
    bursts = [
        burst(budget, [0.1], [[0.0]], collection="ccp", group="ccp/1"),
        burst(budget, [0.1] * 2, np.zeros((2, 2)).tolist()),
        burst(budget, [0.1], [[0.0]], collection="keyed", group="keyed"),
    ]
    for regime, wanted in (("sets", ([0.1], [0.2, 0.2], [0.0])), ("leave_one_out", ([0.3], [0.4, 0.4], [0.0]))):
        found = budget.expected_errors(bursts, fitted, regime, dealt)
        assert [one.tolist() for one in found] == [pytest.approx(values) for values in wanted]


def test_what_is_known_of_a_burst(budget: ModuleType) -> None:
    """Nobody moves, and every teacher misses the same third: the fix of either frame mends both."""
    found = budget.known((CONFIG, walker("still", 2, wrong=True, step=0)), side=128, cache=Path())
    assert found.errors.min() > 0.2
    assert found.after == pytest.approx(np.zeros((2, 2)), abs=0.01)
    assert len(found.signals) == len(found.cleanlab) == 2 and np.diag(found.reach) == pytest.approx([1, 1])
