"""The clip bootstrap: by hand, against all resamples, against scipy, and its coverage."""

import itertools

import numpy as np
import pytest
import scipy.stats

from qa.intervals import clip_interval


def test_two_clips_by_hand():
    # Draws of two clips: 0 0, 0 1, 1 0, 1 1: the mean is 0, 1/2 or 1 with chances 1/4, 1/2, 1/4.
    assert clip_interval([[0.0], [1.0]]) == (0.0, 1.0)
    assert clip_interval([[0.0], [1.0]], coverage=0.4) == (0.5, 0.5)


def test_frames_count_alike_so_a_long_clip_weighs_more_by_hand():
    # 0 0 | 0 and three times 1 | 1 1: the middle draw is 3/4, not 1/2.
    assert clip_interval([[0.0], [1.0, 1.0, 1.0]], coverage=0.4) == (0.75, 0.75)


def test_clips_are_drawn_whole():
    # Each clip holds a 0 and a 1: whichever are drawn, the mean is 1/2. Drawing frames would spread.
    assert clip_interval([[0.0, 1.0]] * 20) == (0.5, 0.5)


def test_it_agrees_with_all_resamples_of_four_clips():
    clips = [[0.1, 0.3], [0.9], [0.4, 0.5, 0.6], [0.2]]
    means = [np.mean(np.concatenate(draw)) for draw in itertools.product(clips, repeat=4)]
    for coverage in (0.5, 0.8, 0.95):
        found = clip_interval(clips, resamples=50_000, coverage=coverage)
        expected = np.quantile(means, [(1 - coverage) / 2, (1 + coverage) / 2])
        assert found == pytest.approx(expected, abs=0.02)


def test_it_agrees_with_scipy_where_every_clip_has_one_frame():
    values = np.random.default_rng(1).gamma(2.0, size=40)
    reference = scipy.stats.bootstrap((values,), np.mean, method="percentile", n_resamples=20_000, rng=2)
    found = clip_interval([[value] for value in values], resamples=20_000)
    assert found == pytest.approx(tuple(reference.confidence_interval), abs=0.02)


def test_it_covers_the_truth_about_as_often_as_it_says():
    # Frames of a clip share the clip's luck (variance 1) beside their own (1/4): clips of eight frames.
    random = np.random.default_rng(3)
    covered = 0
    for seed in range(300):
        clips = random.normal(0, 1, (25, 1)) + random.normal(0, 0.5, (25, 8))
        interval = clip_interval(clips.tolist(), resamples=400, seed=seed)
        assert interval is not None
        covered += interval.low <= 0 <= interval.high
    assert 0.89 <= covered / 300 <= 0.97  # frames drawn one by one would cover about 0.5


def test_the_same_seed_gives_the_same_interval_and_another_one_another():
    clips = [[value] for value in np.random.default_rng(4).random(9)]
    assert clip_interval(clips, resamples=200) == clip_interval(clips, resamples=200)
    assert clip_interval(clips, resamples=200) != clip_interval(clips, resamples=200, seed=1)


def test_one_clip_says_nothing_of_others():
    assert clip_interval([[0.1, 0.2, 0.3]]) is None
    assert clip_interval([[0.1, 0.2], []]) is None and clip_interval([]) is None


def test_coverage_is_a_share():
    with pytest.raises(ValueError, match="between 0 and 1"):
        clip_interval([[0.0], [1.0]], coverage=95)
