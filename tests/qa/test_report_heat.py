"""Disagreement at a pixel, and the colours it is shown in."""

import base64

import numpy as np
import pytest

from datasets.images import decode_rgb
from qa.report_heat import disagreement, heat_map, heat_view


def grey(*values: int) -> np.ndarray:
    return np.array([values], np.uint8)


def test_disagreement_is_nothing_where_all_agree_and_one_where_half_say_the_contrary():
    votes = [grey(255, 255, 0, 128), grey(255, 0, 0, 128), grey(255, 255, 0, 128), grey(255, 0, 255, 128)]
    # the third: one of four against the rest, 2 * sqrt(1/4 * 3/4)
    assert disagreement(votes)[0] == pytest.approx([0, 1, 2 * np.sqrt(3) / 4, 0], abs=1e-6)


def test_disagreement_needs_a_vote():
    with pytest.raises(ValueError, match="at least one vote"):
        disagreement([])


def test_colours_grow_lighter_with_disagreement():
    colours = heat_map(np.linspace(0, 1, 11, dtype=np.float32)[None])[0].astype(float)
    lightness = colours @ [0.299, 0.587, 0.114]
    assert (np.diff(lightness) > 0).all()
    assert colours[0][2] > colours[0][0] and colours[-1][0] > colours[-1][2]  # dark blue, then yellow


def test_the_picture_has_the_votes_size_and_the_labels_outline():
    votes = [np.zeros((40, 60), np.uint8), np.zeros((40, 60), np.uint8)]
    alpha = np.zeros((40, 60), np.uint8)
    alpha[:, 30:] = 255
    view = heat_view(votes, alpha)
    assert (view.width, view.height) == (60, 40)
    drawn = decode_rgb(base64.b64decode(view.uri.partition(",")[2]))
    assert np.abs(drawn[20, 30].astype(int) - drawn[20, 5].astype(int)).max() > 60
