from __future__ import annotations

import numpy as np
import pytest

from stages.degrade import Degradation, degrade


def _picture() -> np.ndarray:
    y, x = np.mgrid[0:72, 0:96]
    stripes = np.where((x // 6 + y // 9) % 2, 210, 40)
    return np.stack([stripes, 255 - stripes, x * 2], axis=2).astype(np.uint8)


def _rng() -> np.random.Generator:
    return np.random.default_rng(7)


def _detail(image: np.ndarray) -> float:
    return float((np.diff(image.astype(int), axis=1) ** 2).mean())


def test_the_default_changes_nothing() -> None:
    np.testing.assert_array_equal(degrade(_picture(), Degradation(), _rng()), _picture())


@pytest.mark.parametrize("change", [{"shrink": 0.5}, {"blur": 0.8}])
def test_lenses_lose_detail(change: dict[str, float]) -> None:
    assert _detail(degrade(_picture(), Degradation(**change), _rng())) < 0.8 * _detail(_picture())


def test_sharpening_overshoots_at_edges() -> None:
    plain = np.full((9, 20, 3), 100, np.uint8)
    plain[:, 10:] = 150
    sharp = degrade(plain, Degradation(sharpen=0.8), _rng())
    assert sharp.min() < 95
    assert sharp.max() > 155


def test_grey_has_no_colour() -> None:
    grey = degrade(_picture(), Degradation(grey=True), _rng())
    assert (np.ptp(grey, axis=2) == 0).all()


def test_a_codec_leaves_traces_and_lower_quality_leaves_more() -> None:
    errors = [
        np.abs(degrade(_picture(), Degradation(jpeg=quality), _rng()).astype(int) - _picture()).mean()
        for quality in (90, 30)
    ]
    assert 0 < errors[0] < errors[1]


def test_all_at_once_keeps_size_and_type_for_odd_sizes() -> None:
    everything = Degradation(shrink=0.7, blur=0.5, sharpen=0.5, noise=5.0, jpeg=50, grey=True)
    image = degrade(_picture()[:71, :95], everything, _rng())
    assert image.shape == (71, 95, 3)
    assert image.dtype == np.uint8
