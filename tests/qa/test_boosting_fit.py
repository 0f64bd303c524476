import numpy as np
import pytest

from qa.boosting_fit import Recipe, _ordered, fit_boosted

QUICK = Recipe(trees=40, rate=0.2, columns=1.0)


def noise(count: int, columns: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, columns))


def test_one_question_is_found_with_its_newton_values():
    """One tree on one signal: the values are pull / (curvature + ridge), by hand."""
    samples = np.asarray([[0.0], [0.0], [0.0], [1.0], [1.0]])
    targets = np.asarray([False, False, True, True, True])
    recipe = Recipe(trees=1, depth=1, rate=1.0, ridge=0.5, columns=1.0, least=0.0)
    model = fit_boosted(samples, targets, np.ones(5), [0], recipe)
    p = 0.6
    low = (0 * 3 + (1 - p) - 2 * p) / (3 * p * (1 - p) + 0.5)
    high = 2 * (1 - p) / (2 * p * (1 - p) + 0.5)
    (tree,) = model.trees
    assert tree.thresholds == (0.5,)
    assert tree.values == pytest.approx((low, high))
    assert model.start == pytest.approx(np.log(p / (1 - p)))


def test_shares_are_learnt_as_the_chances_of_many():
    """Ten labels of which three are good say the same as ten of share .3."""
    samples = np.repeat([[0.0], [1.0]], 10, axis=0)
    shares = np.repeat([0.3, 0.8], 10)
    flags = np.tile(np.arange(10), 2) < 10 * shares
    recipe = Recipe(trees=20, depth=1, columns=1.0, least=0.0)
    one, many = (fit_boosted(samples, targets, np.ones(20), [0], recipe) for targets in (shares, flags))
    assert one.log_odds(samples) == pytest.approx(many.log_odds(samples))


def test_it_learns_what_two_signals_only_say_together():
    samples = noise(1500, 3)
    targets = (samples[:, 0] > 0) ^ (samples[:, 1] > 0)
    model = fit_boosted(samples[:1000], targets[:1000], np.ones(1000), [0, 0, 0], Recipe(trees=80, rate=0.2))
    assert np.mean((model.log_odds(samples[1000:]) > 0) == targets[1000:]) > 0.9


def test_odds_are_monotone_in_signals_with_a_sign_even_against_the_data():
    samples = noise(600, 3)
    targets = samples[:, 0] - samples[:, 1] + 0.5 * noise(600, 1, 1)[:, 0] * samples[:, 2] > 0
    model = fit_boosted(samples, targets, np.ones(600), [1, 1, -1], QUICK)
    grid = np.linspace(-3, 3, 25)
    for column, sign in ((0, 1), (1, 1), (2, -1)):
        swept = np.repeat(samples[:60], len(grid), axis=0)
        swept[:, column] = np.tile(grid, 60)
        odds = model.log_odds(swept).reshape(60, len(grid))
        assert (sign * np.diff(odds, axis=1) >= 0).all()
    # The second signal counts downwards in truth: a judge that must not use it so leaves it alone.
    flat = samples[:60].copy()
    flat[:, 1] = 9
    assert model.log_odds(flat) == pytest.approx(model.log_odds(np.where([False, True, False], -9, samples[:60])))


def test_a_missing_signal_says_what_it_says():
    samples = noise(800, 2)
    targets = noise(800, 1, 1)[:, 0] > 0
    samples[targets & (samples[:, 1] > 0), 0] = np.nan
    model = fit_boosted(samples, targets, np.ones(800), [0, 0], QUICK)
    odds = model.log_odds(np.asarray([[np.nan, 1.0], [0.0, 1.0]]))
    assert odds[0] > odds[1]


def test_weights_count_like_copies():
    samples, targets = noise(60, 2), np.arange(60) % 3 == 0
    weights = np.where(np.arange(60) < 30, 2.0, 1.0)
    copies = np.concatenate([np.arange(60), np.arange(30)])
    recipe = Recipe(trees=5, columns=1.0, bins=200, least=0.0, ridge=1e-9)
    once = fit_boosted(samples, targets, weights, [0, 0], recipe)
    twice = fit_boosted(samples[copies], targets[copies], np.ones(90), [0, 0], recipe)
    assert once.start == pytest.approx(twice.start)


def test_the_same_seed_gives_the_same_trees():
    samples, targets = noise(300, 4), noise(300, 1, 1)[:, 0] > 0
    assert fit_boosted(samples, targets, np.ones(300), [0] * 4, QUICK) == fit_boosted(
        samples, targets, np.ones(300), [0] * 4, QUICK
    )


@pytest.mark.parametrize("seed", range(5))
def test_values_are_ordered_along_every_sign_and_keep_their_mean(seed: int):
    rng = np.random.default_rng(seed)
    values, mass, signs = rng.normal(size=8), rng.uniform(0.1, 3, 8), [1, -1, 1]
    cube = _ordered(values, mass, signs).reshape(2, 2, 2)
    for axis, sign in enumerate(signs):
        assert (sign * np.diff(cube, axis=axis) >= 0).all()
    assert np.average(cube.ravel(), weights=mass) == pytest.approx(np.average(values, weights=mass), abs=0.02)
    ordered = np.asarray([0.0, 1.0, 2.0, 3.0])
    assert _ordered(ordered, np.ones(4), [1, 1]).tolist() == ordered.tolist()


def test_labels_that_are_all_alike_teach_nothing():
    with pytest.raises(ValueError, match="good labels and bad ones"):
        fit_boosted(noise(5, 2), np.ones(5, bool), np.ones(5), [0, 0], QUICK)
