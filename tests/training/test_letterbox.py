import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from training.letterbox import STRETCH, Window, letterbox, unletterbox, window

sides = st.integers(2, 300)


def test_windows_by_hand() -> None:
    assert window((144, 256), (144, 256)) == Window(0, 0, 144, 256)
    # 4:3 fills 16:9 when stretched by 4/3, which is less than 1.5.
    assert window((300, 400), (144, 256)) == Window(0, 0, 144, 256)
    # A square would have to be stretched by 16/9: 1.5 leaves 216 of 256 columns.
    assert window((100, 100), (144, 256)) == Window(0, 20, 144, 216)
    # 4:1 is 64 rows high at 256 columns, 96 when stretched by 1.5.
    assert window((100, 400), (144, 256)) == Window(24, 0, 96, 256)


@settings(max_examples=50, deadline=None)
@given(sides, sides)
def test_the_window_lies_inside_and_fills_one_side(height: int, width: int) -> None:
    place = window((height, width), (144, 256))
    assert place.top >= 0 and place.top + place.height <= 144
    assert place.left >= 0 and place.left + place.width <= 256
    assert place.height == 144 or place.width == 256
    stretch = (place.height / height) / (place.width / width)
    # Half a pixel of rounding on either side.
    slack = (1 + 0.5 / place.height) * (1 + 0.5 / place.width) * (1 + 1 / min(place.height, place.width))
    assert 1 / STRETCH / slack <= stretch <= STRETCH * slack


@settings(max_examples=25, deadline=None)
@given(sides, sides, st.integers(1, 255))
def test_there_and_back_keeps_size_and_flat_colour(height: int, width: int, value: int) -> None:
    frame = np.full((height, width), value, np.uint8)
    back = unletterbox(letterbox(frame, (144, 256)), (height, width))
    assert back.shape == frame.shape
    assert (back == value).all()


def test_bars_are_black_and_colours_stay() -> None:
    boxed = letterbox(np.full((20, 20, 3), (10, 20, 30), np.uint8), (16, 32))
    assert boxed.shape == (16, 32, 3)
    assert (boxed[:, :4] == 0).all() and (boxed[:, 28:] == 0).all()
    assert (boxed[:, 4:28] == (10, 20, 30)).all()
