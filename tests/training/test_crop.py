import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.config import CropConfig
from training.crop import crop_matrix, draw_crop, inside, person_box, warp


def _person(height: int = 60, width: int = 80) -> np.ndarray:
    alpha = np.zeros((height, width), np.uint8)
    alpha[20:, 30:50] = 255
    return alpha


def test_the_whole_frame_at_its_own_size_is_the_identity() -> None:
    assert crop_matrix((60, 80), (60, 80), (0, 0, 1, 1)) == pytest.approx(np.eye(3)[:2])


def test_a_crop_lands_pixel_edges_on_pixel_edges() -> None:
    # The right half of an 8 px row, enlarged to 8 px: source edge 4 goes to target edge 0, that is centre 3.5 to -0.5.
    matrix = crop_matrix((4, 8), (4, 8), (0.5, 0, 1, 1))
    assert matrix[0] @ [3.5, 0, 1] == pytest.approx(-0.5)
    assert matrix[0] @ [7.5, 0, 1] == pytest.approx(7.5)


def test_person_box_by_hand_and_of_an_empty_frame() -> None:
    assert person_box(_person()) == pytest.approx((30 / 80, 20 / 60, 50 / 80, 1.0))
    assert person_box(np.zeros((4, 4), np.uint8)) == (0, 0, 1, 1)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_person_cut_by_the_frames_lower_side_never_floats(seed: int) -> None:
    config = CropConfig(rotation_deg=0, margin=0)
    cropped = warp(_person(), draw_crop(np.random.default_rng(seed), _person(), (36, 64), config))
    columns = np.flatnonzero((cropped > 127).any(axis=0))
    assert columns.size
    assert (cropped[-1, columns] > 127).any()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_image_and_alpha_move_together(seed: int) -> None:
    alpha = _person()
    sampling = draw_crop(np.random.default_rng(seed), alpha, (36, 64), CropConfig())
    image = np.repeat(alpha[..., None], 3, axis=2)
    assert np.array_equal(warp(image, sampling)[..., 0], warp(alpha, sampling))


def test_flip_is_a_mirror() -> None:
    alpha = _person()
    plain = CropConfig(flip=0, rotation_deg=0, aspect=0, shift=0, bend=0)
    still = warp(alpha, draw_crop(np.random.default_rng(3), alpha, (36, 64), plain))
    mirrored = draw_crop(np.random.default_rng(3), alpha, (36, 64), plain.model_copy(update={"flip": 1.0}))
    assert np.abs(still[:, ::-1].astype(int) - warp(alpha, mirrored)).max() <= 1


def test_a_small_crop_shows_no_more_than_the_frame_and_a_wide_one_is_black_around() -> None:
    white = np.full((60, 80), 255, np.uint8)
    close = CropConfig(fill_min=1.5, fill_max=1.5, rotation_deg=0, bend=0, aspect=0, bars=0)
    assert warp(white, draw_crop(np.random.default_rng(0), _person(), (36, 64), close)).min() == 255
    far = close.model_copy(update={"fill_min": 0.6, "fill_max": 0.6, "shift": 0.0, "margin": 0.0})
    wide = warp(white, draw_crop(np.random.default_rng(0), _person(), (36, 64), far))
    # 80 x 60 shown whole at 36 px of height is 48 px wide.
    assert (wide[18] > 127).sum() == 48


def test_bending_changes_the_shape_but_hardly_the_size() -> None:
    alpha = _person()
    straight = CropConfig(fill_min=0.7, fill_max=0.7, rotation_deg=0, aspect=0, flip=0, bend=0)
    masks = [
        warp(alpha, draw_crop(np.random.default_rng(5), alpha, (36, 64), straight.model_copy(update={"bend": bend})))
        for bend in (0.0, 0.05)
    ]
    area, bent = ((mask > 127).sum() for mask in masks)
    assert not np.array_equal(*masks)
    assert 0.6 < bent / area < 1.6


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_bars_are_black_equally_wide_and_leave_a_frame_between(seed: int) -> None:
    white, config = np.full((60, 80), 255, np.uint8), CropConfig(bars=1, bars_shape=0.5)
    sampling = draw_crop(np.random.default_rng(seed), _person(), (36, 64), config)
    seen = np.flatnonzero((warp(white, sampling) > 127).any(axis=0))
    assert 17 <= seen[-1] - seen[0] + 1 <= 64  # 36 px of height at a shape of 0.5 are 18 px wide
    assert (inside(sampling, white.shape)[:, [*range(seen[0]), *range(seen[-1] + 1, 64)]] == 0).all()


def test_inside_is_what_a_white_frame_shows() -> None:
    white = np.full((60, 80), 255, np.uint8)
    for seed in range(20):
        sampling = draw_crop(np.random.default_rng(seed), _person(), (36, 64), CropConfig(margin=0.4, fill_min=0.3))
        assert ((inside(sampling, white.shape) > 0) == (warp(white, sampling) > 127)).mean() > 0.99


def test_bars_asked_to_be_wider_than_the_frame_are_none() -> None:
    white, config = np.full((60, 80), 255, np.uint8), CropConfig(bars=1, bars_shape=9.0, fill_min=1.5, rotation_deg=0)
    for seed in range(10):
        sampling = draw_crop(np.random.default_rng(seed), _person(), (36, 64), config.model_copy(update={"bend": 0.0}))
        assert warp(white, sampling).min() == 255
