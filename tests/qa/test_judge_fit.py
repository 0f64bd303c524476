import numpy as np
import pytest

from qa.boosting_fit import Recipe
from qa.judge import SIGNALS, samples_of
from qa.judge_fit import balanced, fit_judge, platt


def test_platt_finds_the_slope_and_offset_that_made_the_labels():
    rng = np.random.default_rng(0)
    odds = rng.normal(0, 3, 20_000)
    good = rng.random(20_000) < 1 / (1 + np.exp(-(0.5 * odds - 1.0)))
    assert platt(odds, good) == pytest.approx((0.5, -1.0), abs=0.05)


def test_platt_never_turns_the_order_round():
    odds = np.linspace(-3, 3, 100)
    slope, _ = platt(odds, odds < 0)
    assert slope > 0
    assert platt(odds, odds > 9) == (1.0, 0.0)


def test_natural_and_injected_labels_count_the_same():
    natural = np.asarray([True] * 10 + [False] * 90)
    weights = balanced(natural)
    assert weights[natural].sum() == pytest.approx(weights[~natural].sum())
    assert balanced(np.ones(4, bool)).tolist() == [1] * 4


def test_the_judge_is_calibrated_on_natural_labels_though_most_it_saw_were_spoilt():
    """Injected labels are nearly all bad; the natural ones with the same signals are good half of the time."""
    rng = np.random.default_rng(1)
    count = 3000
    natural = np.arange(count) % 3 == 0
    iou = rng.uniform(0.8, 1.0, count)
    chance = np.clip((iou - 0.8) * 5, 0, 1)
    good = rng.random(count) < np.where(natural, chance, 0.2 * chance)
    samples = samples_of([{"label_iou": value} for value in iou])
    folds = np.arange(count) % 60 % 5
    judge = fit_judge(samples, good, natural, folds, recipe=Recipe(trees=40), fitted_on="toys", command="none")
    fresh = judge.probabilities(samples_of([{"label_iou": value} for value in np.linspace(0.8, 1.0, 200)]))
    assert np.mean(fresh) == pytest.approx(0.5, abs=0.07)
    assert judge.signals == tuple(SIGNALS) and (judge.fitted_on, judge.command) == ("toys", "none")


def test_calibration_is_on_folds_that_the_trees_did_not_see():
    """A signal that tells sources apart, and good from bad within each, is worth nothing on a source not seen."""
    rng = np.random.default_rng(2)
    source = np.arange(400) // 20
    good = np.asarray(source % 2 == 0) ^ (rng.random(400) < 0.1)
    samples = samples_of([{"teacher_iou": float(value)} for value in source])
    natural = np.ones(400, bool)
    honest = fit_judge(samples, good, natural, source % 5)
    blind = fit_judge(samples, good, natural, np.arange(400) % 5)
    assert abs(honest.slope) < 0.3 < blind.slope


def test_each_error_has_a_detector_which_does_not_take_bad_labels_for_it():
    """A rare error shows in one signal alone; common bad labels in another."""
    rng = np.random.default_rng(3)
    count = 1200
    lag = np.arange(count) % 6 == 0
    bad = rng.random(count) < 0.3
    good = ~lag & ~bad
    found = [
        {"label_iou": 0.85 + 0.1 * (not poor) + rng.normal(0, 0.02), "odd_one": 0.3 * late + rng.normal(0, 0.05)}
        for poor, late in zip(bad, lag, strict=True)
    ]
    injected = np.where(lag, "lag", "")
    judge = fit_judge(samples_of(found), good, ~lag, np.arange(count) % 5, injected=injected)
    assert list(judge.detectors) == ["lag"]
    assert judge.errors(samples_of([{"label_iou": 0.95, "odd_one": 0.3}])) == ["lag"]
    odds = judge.detectors["lag"].log_odds(samples_of([{"label_iou": iou, "odd_one": odd} for iou, odd in
                                                       ((0.95, 0.0), (0.85, 0.0), (0.95, 0.3))]))  # fmt: skip
    assert odds[2] > max(odds[0], odds[1]) + 3
    chances = [
        judge.probability({"label_iou": iou, "odd_one": odd}) for iou, odd in ((0.95, 0), (0.85, 0), (0.95, 0.3))
    ]
    assert chances[0] > 0.8 and max(chances[1:]) < 0.2


def test_raw_votes_are_no_example_of_calm():
    """What only raw votes show must not be held against an error's signal: detectors see fused labels."""
    rng = np.random.default_rng(4)
    odd = rng.uniform(0, 1, 600)
    raw, spoilt = np.arange(600) % 3 == 0, np.arange(600) % 3 == 1
    samples = samples_of([{"odd_one": value + spoilt[index] + raw[index]} for index, value in enumerate(odd)])
    injected = np.where(spoilt, "flicker", "")
    good = ~spoilt & (odd < 0.9)
    detectors = [
        fit_judge(samples, good, ~spoilt, np.arange(600) % 4, injected=injected, fused=fused).detectors["flicker"]
        for fused in (~raw, np.ones(600, bool))
    ]
    clean, mixed = (one.log_odds(samples_of([{"odd_one": 1.5}]))[0] for one in detectors)
    assert clean > mixed + 1
