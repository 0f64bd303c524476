from __future__ import annotations

import numpy as np
import pytest

from qa.logistic_fit import fit_logistic


def rows(values: np.ndarray, name: str = "a") -> list[dict[str, float]]:
    return [{name: float(value)} for value in values]


def test_it_finds_the_coefficients_that_made_the_targets():
    rng = np.random.default_rng(0)
    a, b = rng.normal(3, 2, 4000), rng.normal(-1, 0.1, 4000)
    signals = [{"a": x, "b": y, "unused": 1.0} for x, y in zip(a, b, strict=True)]
    probability = 1 / (1 + np.exp(-(0.5 + 0.8 * (a - 3) / 2 - 1.5 * (b + 1) / 0.1)))
    fitted = fit_logistic(signals, (rng.random(4000) < probability).tolist(), {"a": 1, "b": -1}, ridge=0.01)
    found = [fitted.value(one) for one in signals]
    assert np.mean(np.abs(np.asarray(found) - probability)) < 0.02
    assert set(fitted.terms) == {"a", "b"}


def test_fractional_targets_give_their_mean():
    fitted = fit_logistic(rows(np.repeat([0.0, 1.0], 50)), [0.1, 0.3] * 25 + [0.5, 0.9] * 25, {"a": 1}, ridge=1e-6)
    assert fitted.value({"a": 0.0}) == pytest.approx(0.2, abs=1e-3)
    assert fitted.value({"a": 1.0}) == pytest.approx(0.7, abs=1e-3)


def test_a_sign_is_kept_even_against_the_data():
    values = np.linspace(0, 1, 100)
    wrong = fit_logistic(rows(values), (values > 0.5).astype(float).tolist(), {"a": -1})
    assert wrong.terms == {} and wrong.value({"a": 0.9}) == pytest.approx(0.5, abs=1e-3)
    free = fit_logistic(rows(values), (values > 0.5).astype(float).tolist(), {"a": 0})
    assert free.terms["a"].weight > 1


def test_the_ridge_shrinks():
    values = np.linspace(0, 1, 100)
    targets = (values > 0.5).astype(float).tolist()
    weights = [fit_logistic(rows(values), targets, {"a": 1}, ridge=ridge).terms["a"].weight for ridge in (0.1, 10, 100)]
    assert weights == sorted(weights, reverse=True) and weights[0] > 3 * weights[2]


def test_weights_count_like_repeated_frames():
    signals, targets = rows(np.array([0.0, 0.3, 0.7, 1.0])), [0.0, 1.0, 0.0, 1.0]
    doubled = fit_logistic(signals, targets, {"a": 0}, ridge=2, weights=[2, 2, 2, 2])
    once = fit_logistic(signals, targets, {"a": 0}, ridge=1)
    assert doubled.terms["a"].weight == pytest.approx(once.terms["a"].weight, abs=1e-3)
    leaning = fit_logistic(signals, targets, {"a": 0}, ridge=1, weights=[1, 9, 1, 1])
    assert leaning.value(signals[1]) > once.value(signals[1]) + 0.1


def test_missing_signals_and_constant_ones_say_nothing():
    signals = [{"a": 0.0, "c": 5.0}, {"c": 5.0}, {"a": 1.0, "c": 5.0}, {"a": 0.9, "c": 5.0}]
    fitted = fit_logistic(signals, [0, 1, 1, 1], {"a": 1, "c": 1, "never": 1})
    assert "c" not in fitted.terms and "never" not in fitted.terms


@pytest.mark.parametrize(("signals", "targets"), [([], []), ([{"a": 1.0}], [0.0, 1.0]), ([{"a": 1.0}], [1.5])])
def test_bad_input_is_refused(signals: list[dict[str, float]], targets: list[float]):
    with pytest.raises(ValueError, match="targets"):
        fit_logistic(signals, targets, {"a": 1})
