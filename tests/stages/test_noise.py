from __future__ import annotations

import numpy as np
import pytest

from stages.noise import add_noise


def _rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_noise_has_the_deviation_asked_for_and_grows_with_light() -> None:
    deviations = [
        add_noise(np.full((200, 200, 3), level, np.uint8), 4.0, _rng()).astype(float).mean(axis=2).std()
        for level in (40, 127, 215)
    ]
    assert deviations[0] < deviations[1] < deviations[2]
    assert deviations[1] == pytest.approx(4.0, rel=0.1)


def test_noise_is_unbiased_and_depends_on_its_generator_alone() -> None:
    flat = np.full((120, 160, 3), 128, np.uint8)
    assert add_noise(flat, 5.0, _rng()).mean() == pytest.approx(128, abs=0.2)
    np.testing.assert_array_equal(add_noise(flat, 5.0, _rng()), add_noise(flat, 5.0, _rng()))
    assert (add_noise(flat, 5.0, np.random.default_rng(8)) != add_noise(flat, 5.0, _rng())).mean() > 0.5


def test_the_sign_of_noise_is_as_often_one_as_the_other_and_frames_do_not_repeat_it() -> None:
    flat = np.full((60, 80, 3), 128, np.uint8)
    frames = [add_noise(flat, 5.0, np.random.default_rng(seed)).astype(float).ravel() - 128 for seed in range(24)]
    likeness = np.corrcoef(frames)[np.triu_indices(24, 1)]
    assert np.abs(likeness).max() < 0.2
    assert abs(np.mean([frame.mean() for frame in frames])) < 0.1


def test_colour_noise_is_blotchy_and_grain_is_not() -> None:
    noise = add_noise(np.full((200, 200, 3), 128, np.uint8), 6.0, _rng()).astype(float) - 128
    colour, grain = noise[..., 0] - noise[..., 1], noise.mean(axis=2)

    def neighbours(values: np.ndarray) -> float:
        return float(np.corrcoef(values[:, 1:].ravel(), values[:, :-1].ravel())[0, 1])

    assert neighbours(colour) > 0.4
    assert neighbours(grain) < 0.25


def test_noise_stays_within_black_and_white() -> None:
    dark, bright = (add_noise(np.full((90, 90, 3), level, np.uint8), 7.0, _rng()) for level in (0, 255))
    assert dark.max() < 60
    assert bright.min() > 195


def test_odd_sizes_and_parts_of_larger_pictures_get_noise() -> None:
    large = np.full((99, 151, 3), 100, np.uint8)
    np.testing.assert_array_equal(
        add_noise(large[3:74, 5:100], 4.0, _rng()), add_noise(np.ascontiguousarray(large[3:74, 5:100]), 4.0, _rng())
    )
