import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.config import CropConfig
from training.crop import crop_matrix, depth, draw_view, person_box, shown, warp


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
    config = CropConfig(rotation_deg=0, bend=0)
    cropped = warp(_person(), draw_view(np.random.default_rng(seed), _person(), (36, 64), config))
    columns = np.flatnonzero((cropped > 127).any(axis=0))
    assert columns.size
    assert (cropped[-1, columns] > 127).any()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_image_and_alpha_move_together(seed: int) -> None:
    alpha = _person()
    view = draw_view(np.random.default_rng(seed), alpha, (36, 64), CropConfig())
    image = np.repeat(alpha[..., None], 3, axis=2)
    assert np.array_equal(warp(image, view)[..., 0], warp(alpha, view))


@pytest.mark.parametrize(("enlarged", "rows"), [(2.0, 20), (4.0, 18)])
def test_a_crop_is_enlarged_no_more_than_allowed(enlarged: float, rows: int) -> None:
    """40 rows to fill from a frame of 60: at twofold with 20 of its rows, and never with less than 3/10 of them."""
    close = CropConfig(fill_min=50, fill_max=50, rotation_deg=0, bend=0, enlarged=enlarged)
    view = draw_view(np.random.default_rng(0), _person(), (40, 64), close)
    assert np.ptp(view.y) * 40 / 39 == pytest.approx(rows)


def test_flip_is_a_mirror() -> None:
    alpha = _person()
    plain = CropConfig(flip=0, rotation_deg=0, aspect=0, shift=0, bend=0)
    still = warp(alpha, draw_view(np.random.default_rng(3), alpha, (36, 64), plain))
    mirrored = draw_view(np.random.default_rng(3), alpha, (36, 64), plain.model_copy(update={"flip": 1.0}))
    assert np.abs(still[:, ::-1].astype(int) - warp(alpha, mirrored)).max() <= 1


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_what_lies_between_the_bars_is_never_black(seed: int) -> None:
    """Turned or bent, close or far: beyond the frame it is mirrored."""
    white = np.full((60, 80), 255, np.uint8)
    view = draw_view(np.random.default_rng(seed), _person(), (36, 64), CropConfig(rotation_deg=30, bend=0.1))
    assert np.array_equal(warp(white, view), shown(view))


def test_a_frame_too_narrow_for_the_view_is_shown_whole_between_bars() -> None:
    """A frame of 3:4 whose person is as high as it: at work its 36 rows are 27 columns wide, 40 when stretched."""
    white = np.full((80, 60), 255, np.uint8)
    config = CropConfig(fill_min=1, fill_max=1, rotation_deg=0, bend=0, aspect=0, narrow=0)
    view = draw_view(np.random.default_rng(0), white, (36, 64), config)
    assert (warp(white, view)[18] > 0).sum() == 40 and view.bar == 12
    ends = sorted((view.x[18, 12], view.x[18, 51]))  # 60 columns on 40: the first centre lies at 0.5 * 1.5 - 0.5
    assert ends == pytest.approx([0.25, 58.75])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_the_head_is_in_view_and_near_the_top(seed: int) -> None:
    config = CropConfig(head=1, headroom=0.3, rotation_deg=0, bend=0, shift=0)
    seen = warp(_person(), draw_view(np.random.default_rng(seed), _person(), (36, 64), config))
    rows = np.flatnonzero((seen > 127).any(axis=1))
    # Nearer than its headroom, unless the frame ends below: the crop must stay within it.
    assert rows[0] <= 0.3 * 36 + 1 or rows[-1] == 35


def test_depth_runs_from_the_head_to_the_end_of_the_person_whatever_is_shown() -> None:
    alpha = _person()  # rows 20 to 60
    close = CropConfig(fill_min=1.6, fill_max=1.6, rotation_deg=0, bend=0, headroom=0, head=1)
    view = draw_view(np.random.default_rng(0), alpha, (36, 64), close)
    found = depth(view, alpha)
    assert found.shape == (36, 64)
    assert found[0].mean() == pytest.approx(0, abs=0.03)
    assert found[-1].mean() == pytest.approx(1 / 1.6, abs=0.03)


def test_bending_changes_the_shape_but_hardly_the_size() -> None:
    alpha = _person()
    straight = CropConfig(fill_min=0.7, fill_max=0.7, rotation_deg=0, aspect=0, flip=0, bend=0)
    masks = [
        warp(alpha, draw_view(np.random.default_rng(5), alpha, (36, 64), straight.model_copy(update={"bend": bend})))
        for bend in (0.0, 0.05)
    ]
    area, bent = ((mask > 127).sum() for mask in masks)
    assert not np.array_equal(*masks)
    assert 0.6 < bent / area < 1.6


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_bars_are_black_equally_wide_and_leave_a_frame_between(seed: int) -> None:
    white, config = np.full((60, 80), 255, np.uint8), CropConfig(narrow=1, narrowest=0.5, aspect=0)
    view = draw_view(np.random.default_rng(seed), _person(), (36, 64), config)
    seen = np.flatnonzero((warp(white, view) > 127).any(axis=0))
    # 36 px of height at a shape of 0.5 are 18 px wide, 27 when stretched as far as a letterbox may.
    assert 26 <= seen[-1] - seen[0] + 1 <= 64
    assert seen[0] == 63 - seen[-1] == view.bar
    assert (shown(view)[:, [*range(seen[0]), *range(seen[-1] + 1, 64)]] == 0).all()


def test_a_narrow_frame_is_stretched_as_the_letterbox_stretches_it() -> None:
    """A frame of 3:4 with a square in the middle: in 144 x 256 the square comes out half as wide again as high."""
    frame = np.zeros((80, 60), np.uint8)
    frame[30:50, 20:40] = 255
    still = {"rotation_deg": 0, "aspect": 0, "flip": 0, "bend": 0, "shift": 0}
    config = CropConfig(narrow=1, narrowest=0.75, fill_min=0.25, fill_max=0.25, **still)
    shapes = []
    for seed in range(40):
        seen = warp(frame, draw_view(np.random.default_rng(seed), frame, (144, 256), config))
        _, _, width, height = cv2.boundingRect(seen)
        shapes.append(width / height)
    assert 1.4 < max(shapes) <= 1.5 * 1.04  # 36 px high, give or take one
    assert min(shapes) >= 0.96


def test_a_narrowest_frame_wider_than_the_students_has_no_bars() -> None:
    config = CropConfig(narrow=1, narrowest=9.0, fill_min=1.5, fill_max=1.5)
    assert all(draw_view(np.random.default_rng(seed), _person(), (36, 64), config).bar == 0 for seed in range(10))
