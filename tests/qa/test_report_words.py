"""Shares, times and settings, written for people."""

import pytest

from qa.report_words import duration, flattened, percent


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0.0 s"), (8.44, "8.4 s"), (725.2, "12 min 5 s"), (12000, "3 h 20 min")]
)
def test_durations_read_well(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("share", "text"), [(0, "0 %"), (0.001, "<1 %"), (0.404, "40 %"), (0.999, ">99 %"), (1, "100 %")]
)
def test_percentages_do_not_hide_a_rest(share, text):
    assert percent(share).replace("\u00a0", " ") == text


def test_nested_settings_become_dotted_keys():
    assert list(flattened({"a": {"b": 0.00123, "c": []}, "d": "x"})) == [("a.b", "0.00123"), ("a.c", "[]"), ("d", "x")]
