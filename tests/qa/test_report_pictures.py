"""How a label is drawn on its frame, and pictures inside the page."""

import base64

import numpy as np

from datasets.images import decode_grey
from qa.report_pictures import CONTOUR, fitted, overlay, view


def test_a_grey_view_is_one_channel_of_its_size():
    ramp = np.tile(np.linspace(0, 255, 60, dtype=np.uint8), (40, 1))
    made = view("alpha", ramp)
    assert (made.name, made.width, made.height) == ("alpha", 60, 40)
    data = base64.b64decode(made.uri.removeprefix("data:image/jpeg;base64,"))
    assert np.abs(decode_grey(data).astype(int) - ramp).max() <= 6
    assert len(view("alpha", np.repeat(ramp[..., None], 3, axis=2)).uri) > len(made.uri)


def test_pictures_are_shrunk_and_never_enlarged():
    assert fitted(np.zeros((400, 100, 3), np.uint8), 200).shape == (200, 50, 3)
    assert fitted(np.zeros((40, 10), np.uint8), 200).shape == (40, 10)


def test_outside_is_grey_inside_is_kept_and_the_edge_is_outlined():
    image = np.zeros((40, 60, 3), np.uint8)
    image[...] = (200, 100, 50)
    alpha, trust = np.zeros((40, 60), np.uint8), np.full((40, 60), 255, np.uint8)
    alpha[10:30, 20:40] = 255
    drawn = overlay(image, alpha, trust)
    assert tuple(drawn[20, 30]) == (200, 100, 50)
    assert len(set(drawn[2, 2].tolist())) == 1 and drawn[2, 2, 0] < 60
    assert tuple(drawn[10, 30]) == CONTOUR


def test_a_person_cut_by_the_border_gets_no_outline_there():
    image, alpha = np.full((40, 60, 3), 90, np.uint8), np.zeros((40, 60), np.uint8)
    alpha[20:, 20:40] = 255
    drawn = overlay(image, alpha, np.full((40, 60), 255, np.uint8))
    assert tuple(drawn[39, 30]) == (90, 90, 90) and tuple(drawn[20, 30]) == CONTOUR


def test_doubt_is_striped():
    image, alpha = np.full((40, 60, 3), 90, np.uint8), np.full((40, 60), 255, np.uint8)
    trust = np.full((40, 60), 255, np.uint8)
    trust[:, 30:] = 0
    drawn = overlay(image, alpha, trust)
    assert (drawn[:, :30] == 90).all()
    assert 0.2 < (drawn[:, 30:] > 150).mean() < 0.6
