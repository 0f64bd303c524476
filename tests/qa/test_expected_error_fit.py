import numpy as np
import pytest

from qa.expected_error_fit import fit_expected_error
from qa.judge import samples_of


def toys(count: int = 1500):
    """Errors of 4 to 20 % by one signal, one more for a quarter of what is held, and noise."""
    rng = np.random.default_rng(0)
    iou = rng.uniform(0.8, 1.0, count)
    held = np.where(rng.random(count) < 0.3, rng.uniform(0, 0.4, count), 0.0)
    errors = 0.04 + 0.8 * (1 - iou) + 0.25 * held + rng.normal(0, 0.01, count)
    return samples_of([{"label_iou": value} for value in iou]), held, np.clip(errors, 0, 1)


def test_it_finds_the_error_and_the_share_of_what_is_held():
    samples, held, errors = toys()
    half = slice(0, 750)
    fitted = fit_expected_error(samples[half], held[half], errors[half], np.ones(750, bool))
    # the trees, which do not see what is held, have learnt its mean
    assert fitted.held == pytest.approx(0.25, abs=0.07)
    found = fitted.of(samples[750:], held[750:])
    assert np.corrcoef(found, errors[750:])[0, 1] > 0.95
    assert found.mean() == pytest.approx(errors[750:].mean(), abs=0.015)


def test_more_agreement_is_never_expected_to_be_worse_and_held_things_never_better():
    samples, _, errors = toys()
    fitted = fit_expected_error(samples, np.full(len(errors), 0.1), errors[::-1].copy(), np.ones(len(errors), bool))
    sweep = samples_of([{"label_iou": value} for value in np.linspace(0.8, 1, 50)])
    assert (np.diff(fitted.of(sweep, np.zeros(50))) <= 0).all() and fitted.held >= 0


def test_what_raw_votes_lack_says_nothing_of_what_is_held():
    samples, held, errors = toys()
    raw = np.arange(len(errors)) % 2 == 0
    spoilt = np.where(raw, errors + 0.5 * held, errors)
    mixed, fused = (fit_expected_error(samples, held, spoilt, which) for which in (np.ones(len(raw), bool), ~raw))
    assert fused.held < mixed.held - 0.1


def test_errors_that_are_all_alike_teach_nothing():
    samples, held, errors = toys(20)
    with pytest.raises(ValueError, match="learn"):
        fit_expected_error(samples, held, np.full_like(errors, 0.1), np.ones(20, bool))
