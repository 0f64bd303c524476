from __future__ import annotations

import numpy as np
import pytest

from qa.expected_error import SIGNS, doubt_map, doubt_signals, expected_error, shipped_model
from qa.view import Outline, View

SIZE = (40, 40)


def view(label: np.ndarray, *votes: float) -> View:
    """Teachers that see one and the same probability inside the label's columns 10-30, and nothing elsewhere."""
    maps = {}
    for index, probability in enumerate(votes):
        vote = np.zeros(SIZE, np.uint8)
        vote[:, 10:30] = round(255 * probability)
        maps[str(index)] = vote
    return View(np.zeros((*SIZE, 3), np.uint8), np.zeros(SIZE, np.uint8), Outline(label), votes=maps)


LABEL = np.zeros(SIZE, np.bool_)
LABEL[:, 10:30] = True


def test_soft_error_by_hand():
    found = doubt_signals(view(LABEL, 0.8, 0.8))
    assert found["soft_error"] == pytest.approx(0.2, abs=2e-3)
    assert found["soft_added"] == pytest.approx(0.2, abs=2e-3) and found["soft_lost"] == 0
    half = LABEL.copy()
    half[:, 20:] = False
    found = doubt_signals(view(half, 1.0))
    assert found["soft_error"] == pytest.approx(0.5) and found["soft_lost"] == pytest.approx(1.0)


def test_doubt_lies_where_the_votes_contradict_the_label():
    half = LABEL.copy()
    half[:, 20:] = False
    doubt = doubt_map(view(half, 1.0))
    assert (doubt[:, 20:30] == 1).all() and doubt[:, :20].max() == 0


def test_without_votes_everything_is_doubtful():
    assert doubt_signals(view(LABEL)) == {} and doubt_map(view(LABEL)).min() == 1


def test_the_shipped_model_expects_more_of_worse_signals():
    model = shipped_model()
    assert "keyed" not in model.fitted_on and model.refit.startswith("python benchmarks/review_budget.py")
    for name, term in model.logistic.terms.items():
        assert term.weight * SIGNS[name] >= 0, name
    terms = model.logistic.terms
    good, bad = (
        {name: term.centre + way * SIGNS[name] * term.spread for name, term in terms.items()} for way in (-1, 1)
    )
    assert 0 < 1.5 * expected_error(good) < expected_error(bad) < 1
