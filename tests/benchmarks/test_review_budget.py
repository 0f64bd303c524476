"""The orders that `benchmarks/review_budget.py` compares."""

from __future__ import annotations

import importlib
import itertools
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from rich.console import Console

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
    set_name: str = "davis",
    source: str = "davis/a",
):
    count = len(errors)
    return budget.Known(
        set_name=set_name,
        source=source,
        signals=[{"label_iou": 1 - error} for error in errors],
        good=np.asarray(errors) < 0.05,
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
    assert (
        budget.softmin(label, [vote, vote]) > budget.softmin(label, [vote, spoiled]) > budget.softmin(label, [spoiled])
    )


def test_our_order_takes_the_most_doubtful_first(budget: ModuleType) -> None:
    video = burst(budget, [0.1, 0.1], np.zeros((2, 2)).tolist())
    still = burst(budget, [0.1], [[0.0]])
    assert budget.our_order([video, still], [np.array([0.9, 0.2]), np.array([0.5])]) == [(0, 1), (1, 0), (0, 0)]


def test_only_what_there_is_is_reported(budget: ModuleType) -> None:
    stills = [burst(budget, [0.1 * k], [[0.0]], set_name="ccp") for k in range(1, 6)]
    probabilities = [np.array([1 - 0.1 * k]) for k in range(1, 6)]
    found = budget.report(stills, probabilities, Console(quiet=True), "cross")
    assert set(found) == {"stills"} and set(found["stills"]) == {"0.01", "0.02", "0.05", "0.1"}
    assert found["stills"]["0.1"]["ours"] == found["stills"]["0.1"]["truth"] == pytest.approx(0.5)


def test_no_judge_has_seen_what_it_judges(budget: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    class Judge:
        def probabilities(self, samples: np.ndarray) -> np.ndarray:
            return np.full(len(samples), float(len(seen)))

    def fit(samples: np.ndarray, *rest: np.ndarray) -> Judge:
        seen.append(len(samples))
        return Judge()

    monkeypatch.setattr(budget, "fit_judge", fit)
    photos = [burst(budget, [0.1], [[0.0]], set_name="ccp", source=f"ccp/{k}") for k in range(40)]
    walks = [burst(budget, [0.1] * 3, np.zeros((3, 3)).tolist(), source=f"davis/{k}") for k in range(2)]
    keyed = burst(budget, [0.1], [[0.0]], set_name="keyed", source="keyed")
    bursts = [*photos, *walks, keyed]
    found = budget.p_good(bursts, "left_out")
    assert seen == [6, 40, 46]  # without ccp, without davis, and all for the keyed clip, which is in none
    assert [float(one[0]) for one in found] == [1.0] * 40 + [2.0] * 2 + [3.0]
    seen.clear()
    budget.p_good(bursts, "cross")
    photos_fits, walk_fits = seen[:-3], seen[-3:-1]
    assert seen[-1] == 46 and walk_fits == [43, 43] and sum(46 - count for count in photos_fits) == 40
