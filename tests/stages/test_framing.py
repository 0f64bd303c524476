from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.framing import Crop, Framing, bounds, place_background, place_person

SOURCE, CANVAS = (300, 400), (144, 256)


def _corners(place: object, size: tuple[int, int]) -> tuple[float, float, float, float]:
    """`(left, top, right, bottom)` of a placed picture's edges on the canvas."""
    low = place.matrix @ (-0.5, -0.5, 1)  # type: ignore[attr-defined]
    high = place.matrix @ (size[1] - 0.5, size[0] - 0.5, 1)  # type: ignore[attr-defined]
    return tuple(np.round([low[0] + 0.5, low[1] + 0.5, high[0] + 0.5, high[1] + 0.5], 6))


def test_bounds_are_exclusive_at_the_upper_end() -> None:
    mask = np.zeros((6, 9), bool)
    mask[2:4, 3:8] = True
    assert bounds(mask) == (3, 2, 8, 4)
    with pytest.raises(ValueError, match="without a person"):
        bounds(np.zeros((3, 3), bool))


def test_head_and_shoulders_grow_out_of_the_canvas_bottom() -> None:
    place = place_person((100, 60, 300, 300), {"bottom"}, SOURCE, CANVAS, Framing(0.8, 1.0, 0.5))
    left, top, right, bottom = _corners(place, SOURCE)
    assert bottom == 144
    assert place.scale == pytest.approx(0.8 * 144 / 240)
    assert top + 60 * place.scale == pytest.approx(0.2 * 144)
    assert (left + right) / 2 == pytest.approx(128)


def test_a_closer_camera_keeps_the_headroom_and_cuts_lower_off() -> None:
    place = place_person((100, 60, 300, 300), {"bottom"}, SOURCE, CANVAS, Framing(0.8, 1.5, 0.5))
    _, top, _, bottom = _corners(place, SOURCE)
    assert top + 60 * place.scale == pytest.approx(0.2 * 144)
    assert bottom == pytest.approx(144 + 0.5 * 0.8 * 144)


@pytest.mark.parametrize(("side", "edge"), [("left", 0), ("right", 2)])
def test_a_person_cut_off_on_one_side_stays_there(side: str, edge: int) -> None:
    box = (0, 50, 180, 300) if side == "left" else (220, 50, 400, 300)
    place = place_person(box, {side, "bottom"}, SOURCE, CANVAS, Framing(0.7, 1.2, 0.6))
    assert _corners(place, SOURCE)[edge] == (0 if side == "left" else 256)


def test_a_person_cut_off_on_both_sides_fills_the_width() -> None:
    place = place_person((0, 150, 400, 300), {"left", "right", "bottom"}, SOURCE, CANVAS, Framing(0.3, 1.0, 0.3))
    left, _, right, bottom = _corners(place, SOURCE)
    assert left <= 0
    assert right >= 256
    assert bottom >= 144


def test_a_person_cut_off_above_and_below_fills_the_height() -> None:
    place = place_person((150, 0, 250, 300), {"top", "bottom"}, SOURCE, CANVAS, Framing(0.6, 1.3, 0.5))
    _, top, _, bottom = _corners(place, SOURCE)
    assert (top, bottom) == (0, 144)


@given(
    st.tuples(st.integers(5, 180), st.integers(5, 130), st.integers(20, 200), st.integers(20, 150)),
    st.floats(0.4, 1.0),
    st.floats(0.0, 1.0),
)
@settings(max_examples=60, deadline=None)
def test_a_whole_person_stays_whole_and_stands_on_the_bottom(
    box: tuple[int, int, int, int], height: float, position: float
) -> None:
    x0, y0 = box[:2]
    x1, y1 = x0 + box[2], y0 + box[3]
    place = place_person((x0, y0, x1, y1), (), SOURCE, CANVAS, Framing(height, 1.5, position))
    assert place.right + x0 * place.scale >= -1e-6
    assert place.right + x1 * place.scale <= 256 + 1e-6
    assert place.down + y0 * place.scale >= -1e-6
    assert place.down + y1 * place.scale == pytest.approx(144)


def test_whoever_is_further_off_is_smaller_and_keeps_the_head_where_it_was() -> None:
    near = place_person((100, 60, 200, 260), (), SOURCE, CANVAS, Framing(0.8, 1.0, 0.5))
    far = place_person((100, 60, 200, 260), (), SOURCE, CANVAS, Framing(0.8, 1.0, 0.5, distance=2.0))
    assert far.scale == pytest.approx(near.scale / 2)
    for x in (100, 200):  # edges of the picture's pixels on the canvas: 150 is the person's middle
        assert far.right + x * far.scale == pytest.approx(128 + (x - 150) * near.scale / 2)
    assert far.down + 60 * far.scale == pytest.approx(0.2 * 144)
    assert far.down + 260 * far.scale == pytest.approx(0.2 * 144 + 0.8 * 144 / 2)


def test_whoever_is_nearer_is_larger_and_cut_off_by_the_canvas_bottom() -> None:
    near = place_person((100, 60, 200, 260), (), SOURCE, CANVAS, Framing(0.8, 1.0, 0.5, distance=0.4))
    assert near.down + 60 * near.scale == pytest.approx(0.2 * 144)
    assert near.down + 260 * near.scale == pytest.approx(0.2 * 144 + 0.8 * 144 / 0.4)


@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
def test_a_person_cut_off_is_never_further_off(side: str) -> None:
    box = {"left": (0, 50, 180, 250), "right": (220, 50, 400, 250), "top": (100, 0, 200, 250)}
    near, far = (
        place_person(box.get(side, (100, 60, 200, 300)), {side}, SOURCE, CANVAS, Framing(0.8, 1.2, 0.5, distance))  # type: ignore[arg-type]
        for distance in (1.0, 2.5)
    )
    assert near == far


@given(st.integers(20, 900), st.integers(20, 900), st.floats(1, 3), st.floats(0, 1), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_a_background_covers_the_canvas(height: int, width: int, zoom: float, right: float, down: float) -> None:
    left, top, far, low = _corners(place_background((height, width), CANVAS, Crop(zoom, right, down)), (height, width))
    assert left <= 1e-6
    assert top <= 1e-6
    assert far >= 256 - 1e-6
    assert low >= 144 - 1e-6
