from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.composite import Colour, Composite, Shown, matching, mean_colour, over, person_layer, tone_table
from stages.mesh import nodes

LUMA = np.array([0.299, 0.587, 0.114])


def _flat(value: int | tuple[int, int, int]) -> np.ndarray:
    return np.full((1, 1, 3), value, np.uint8)


def _grey(value: int) -> np.ndarray:
    return np.full((1, 1), value, np.uint8)


def _over(foreground: np.ndarray, alpha: np.ndarray, trust: np.ndarray, background: np.ndarray) -> Composite:
    layer = person_layer(foreground, alpha, trust, None)
    whole = slice(0, alpha.shape[0]), slice(0, alpha.shape[1])
    return over(Shown(layer.rgba, whole, layer.alpha, layer.doubt), background)


@pytest.mark.parametrize(
    ("alpha", "trust", "colour", "wanted_trust"),
    [
        (255, 255, (200, 100, 50), 255),
        (255, 90, (200, 100, 50), 90),  # a pasted pixel is worth what its label is worth
        (0, 0, (10, 20, 30), 255),  # nothing pasted: background for certain, even where the label was doubted
        (51, 0, (48, 36, 34), 204),  # one fifth pasted, four fifths certain
    ],
)
def test_over_mixes_colours_and_trust_by_alpha(
    alpha: int, trust: int, colour: tuple[int, int, int], wanted_trust: int
) -> None:
    frame = _over(_flat((200, 100, 50)), _grey(alpha), _grey(trust), _flat((10, 20, 30)))
    assert tuple(frame.image[0, 0]) == colour
    assert (frame.alpha[0, 0], frame.trust[0, 0]) == (alpha, wanted_trust)


@given(st.integers(0, 255), st.integers(0, 255), st.integers(0, 255))
@settings(max_examples=100, deadline=None)
def test_over_is_within_rounding_of_its_equation_and_never_overflows(alpha: int, person: int, background: int) -> None:
    exact = (alpha * person + (255 - alpha) * background) / 255
    frame = _over(_flat(person), _grey(alpha), _grey(255), _flat(background))
    assert abs(frame.image.astype(float) - exact).max() <= 1.0


def test_a_layer_is_empty_where_nobody_is() -> None:
    layer = person_layer(_flat(255), _grey(0), _grey(0), tone_table(Colour(gain=1.5)))
    assert not layer.rgba.any()
    assert not layer.doubt.any()
    assert layer.shape == (1, 1)


def test_a_neutral_colour_changes_nothing() -> None:
    assert Colour().neutral
    assert not Colour(gamma=0.9).neutral
    picture = np.random.default_rng(1).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    full = np.full((5, 6), 255, np.uint8)
    plain, by_table = (person_layer(picture, full, full, table) for table in (None, tone_table(Colour())))
    np.testing.assert_array_equal(plain.rgba, by_table.rgba)
    np.testing.assert_array_equal(tone_table(Colour())[0], np.repeat(np.arange(256)[:, None], 3, axis=1))


def test_gamma_brightens_gain_scales_and_warmth_tints() -> None:
    values = np.array([0.25, 0.25, 0.25])
    np.testing.assert_allclose(Colour(gamma=0.5).of(values), 0.5)
    np.testing.assert_allclose(Colour(gain=2.0, warmth=0.2).of(values), (0.6, 0.5, 0.4))
    np.testing.assert_allclose(Colour(gain=10.0).of(values), 1.0)


@given(st.floats(0.25, 0.6), st.floats(0.25, 0.6), st.floats(0, 1))
@settings(max_examples=50, deadline=None)
def test_matching_moves_grey_light_by_its_strength_in_logarithms(person: float, goal: float, strength: float) -> None:
    exponents = matching(np.full(3, person), np.full(3, goal), strength)
    wanted = person ** (1 - strength) * goal**strength
    if 0.5 < np.log(wanted) / np.log(person) < 2.0:
        np.testing.assert_allclose(person**exponents, wanted, rtol=1e-6)


def test_matching_follows_the_cast_a_little() -> None:
    person, background = np.array([0.5, 0.4, 0.35]), np.array([0.3, 0.4, 0.6])
    matched = person ** matching(person, background, 0.6)
    blueness = [values[2] / (LUMA @ values) for values in (person, matched, background)]
    assert blueness[0] < blueness[1] < blueness[0] + 0.5 * (blueness[2] - blueness[0])


@given(st.lists(st.floats(0, 1), min_size=6, max_size=6), st.floats(0, 1))
@settings(max_examples=50, deadline=None)
def test_matching_stays_in_bounds_for_black_white_and_colours(values: list[float], strength: float) -> None:
    exponents = matching(np.array(values[:3]), np.array(values[3:]), strength)
    assert ((exponents >= 0.5) & (exponents <= 2.0)).all()


def test_matching_of_no_strength_is_nothing() -> None:
    np.testing.assert_allclose(matching(np.array([0.2, 0.5, 0.4]), np.array([0.9, 0.1, 0.3]), 0.0), 1.0)


def test_a_person_is_laid_over_where_they_are_and_nowhere_else() -> None:
    background = np.random.default_rng(2).integers(0, 256, (40, 56, 3), dtype=np.uint8)
    alpha = np.zeros((40, 56), np.uint8)
    alpha[20:27, 30:41] = 255
    layer = person_layer(np.full((40, 56, 3), 77, np.uint8), alpha, np.full((40, 56), 90, np.uint8), None)
    shown = layer.shown([nodes((40, 56))], (40, 56), (30, 20, 41, 27))
    frame = over(shown, background)
    np.testing.assert_array_equal(frame.image, np.where(alpha[..., None] == 255, np.uint8(77), background))
    np.testing.assert_array_equal(frame.alpha, alpha)
    np.testing.assert_array_equal(frame.trust, np.where(alpha == 255, 90, 255))
    nobody = over(layer.shown([nodes((40, 56))], (40, 56), (900, 900, 900, 900)), background)
    np.testing.assert_array_equal(nobody.image, background)


def test_mean_colour_is_weighted_by_alpha() -> None:
    image = np.zeros((8, 8, 3), np.uint8)
    image[:, 4:] = (255, 51, 0)
    alpha = np.zeros((8, 8), np.uint8)
    assert mean_colour(image) == pytest.approx((0.5, 0.1, 0.0))
    assert mean_colour(image, alpha) == pytest.approx((0.5, 0.5, 0.5))
    alpha[:, 4:] = 200
    assert mean_colour(image, alpha) == pytest.approx((1.0, 0.2, 0.0))
