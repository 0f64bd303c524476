"""Charts: the numbers land where they should, texts are escaped, series differ without colour."""

import itertools
import math
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.charts import Bar, Series, Slot, bar_chart, line_chart, round_ticks, share_bar, short, strip, swatch

finite = st.floats(-1e6, 1e6, allow_nan=False)


def numbers(path: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+\.?\d*", path)]


def test_a_line_rises_from_left_to_right_and_low_to_high():
    chart = line_chart([Series("a", [(0, 0.0), (10, 1.0)])], name="A", x_label="step")
    x0, y0, x1, y1 = numbers(ElementTree.fromstring(chart).find("path").get("d"))
    assert x0 == 46.0 and x1 == 390.0
    assert y0 == 182.0 and y1 == 10.0


def test_a_gap_in_the_numbers_is_a_gap_in_the_line():
    chart = line_chart([Series("a", [(0, 1.0), (1, math.nan), (2, 3.0), (3, 4.0)])], name="A", x_label="step")
    path = ElementTree.fromstring(chart).find("path").get("d")
    assert path.count("M") == 2 and path.count("L") == 1


def test_two_lines_have_two_styles_and_swatches_match():
    chart = line_chart([Series("a", [(0, 1), (1, 2)]), Series("b", [(0, 2), (1, 1)])], name="A", x_label="x")
    classes = [path.get("class") for path in ElementTree.fromstring(chart).findall("path")]
    assert classes == ["line s0", "line s1"]
    assert ElementTree.fromstring(swatch(1)).find("path").get("class") == "line s1"


def test_bars_are_as_long_as_their_values():
    chart = bar_chart([Bar("one", 1.0, "1"), Bar("three", 3.0, "3", emphasis=True)], name="Bars")
    first, second = ElementTree.fromstring(chart).findall("rect")
    assert float(second.get("width")) == pytest.approx(3 * float(first.get("width")), rel=0.01)
    assert second.get("class") == "bar strong"


def test_a_strip_marks_flagged_frames_twice_and_parts_bursts():
    slots = [Slot(1.0), Slot(0.5, flagged=True), Slot(1.0, starts_burst=True)]
    paths = {
        path.get("class"): path.get("d") for path in ElementTree.fromstring(strip(slots, name="S")).findall("path")
    }
    assert paths["bad"].count("M") == 1 and paths["flag"].count("M") == 1
    x0, *_, x2 = [numbers(part)[0] for part in paths["good"].split("M") if part]
    (x1,) = [numbers(part)[0] for part in paths["bad"].split("M") if part]
    assert x2 - x1 == 2 * (x1 - x0)


def test_shares_add_up_to_the_whole_bar_and_empty_ones_are_left_out():
    bar = ElementTree.fromstring(share_bar([("gold", 1), ("silver", 0), ("reject", 3)], name="G"))
    first, second = bar.findall("span")
    assert (first.get("style"), second.get("style")) == ("flex-grow:1", "flex-grow:3")
    assert second.get("class") == "share share-reject"


@pytest.mark.parametrize(
    "empty",
    [
        line_chart([], name="n", x_label="x"),
        line_chart([Series("a", [(0, math.nan)])], name="n", x_label="x"),
        bar_chart([], name="n"),
        strip([], name="n"),
        share_bar([("gold", 0)], name="n"),
    ],
)
def test_nothing_to_draw_is_empty_markup(empty):
    assert empty == ""


@pytest.mark.parametrize(
    "chart",
    [
        line_chart([Series("a", [(0, 1)])], name='<b>"', x_label="<i>"),
        bar_chart([Bar("<u>&", 1.0, "<s>")], name='<b>"'),
        strip([Slot(0.5)], name='<b>"'),
        share_bar([("gold", 1)], name='<b>"'),
    ],
)
def test_texts_are_escaped_and_every_chart_has_a_name(chart):
    root = ElementTree.fromstring(chart)
    assert root.get("role") == "img" and root.get("aria-label") == '<b>"'
    assert {element.tag for element in root.iter()} <= {
        "svg",
        "path",
        "rect",
        "line",
        "circle",
        "text",
        "title",
        "span",
    }


@settings(deadline=None)  # a busy machine stalls any of them
@given(low=finite, span=st.floats(1e-6, 1e6), count=st.integers(2, 8))
def test_ticks_enclose_the_range_with_round_even_steps(low, span, count):
    high = low + span
    ticks = round_ticks(low, high, count)
    steps = [b - a for a, b in itertools.pairwise(ticks)]
    slack = 1e-6 * max(abs(low), abs(high), 1)
    assert ticks[0] <= low + slack and ticks[-1] >= high - slack
    assert len(ticks) <= count + 3
    assert max(steps) - min(steps) <= slack


@pytest.mark.parametrize(("value", "text"), [(0, "0"), (0.25, "0.25"), (0.00025, "0.00025"), (1500, "1,500"), (1, "1")])
def test_ticks_are_short(value, text):
    assert short(value) == text
