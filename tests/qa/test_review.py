"""What a review is worth, from views of a burst."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from qa.queue import review_order
from qa.review import burst_errors, doubt_map, review_gains
from qa.view import Outline, View

SIZE = (72, 96)


def person(x: int = 48) -> np.ndarray:
    canvas = np.zeros(SIZE, np.uint8)
    cv2.ellipse(canvas, (x, 46), (14, 24), 0, 0, 360, 1, -1)
    return canvas > 0


LIMB = np.zeros(SIZE, np.bool_)
LIMB[40:50, 56:76] = True


def view(label: np.ndarray, *votes: np.ndarray) -> View:
    noise = np.random.default_rng(0).integers(0, 60, (*SIZE, 3), dtype=np.uint8)
    image = np.where(person()[..., None], (160, 60, 60), (60, 130, 80)).astype(np.uint8) + noise
    maps = {str(index): vote.astype(np.uint8) * 255 for index, vote in enumerate(votes)}
    return View(image, np.full(SIZE, 255, np.uint8), Outline(label), votes=maps)


def test_doubt_lies_where_the_votes_contradict_the_label() -> None:
    truth = person()
    doubt = doubt_map(view(truth & ~LIMB, truth, truth))
    assert (doubt[truth & LIMB] == 1).all() and doubt[~LIMB].max() == 0


def test_without_votes_everything_is_doubtful() -> None:
    assert doubt_map(view(person())).min() == 1


def test_a_still_gains_its_own_error() -> None:
    assert review_gains([view(person(), person())], [0.7]) == pytest.approx([0.7])


def test_one_error_on_three_still_frames_is_worth_one_review() -> None:
    truth = person()
    burst = [view(truth & ~LIMB, truth, truth)] * 3
    gains = review_gains(burst, [0.8, 0.8, 0.8])
    assert max(gains) == pytest.approx(2.4, abs=0.1) and sorted(gains)[1] < 0.1


def test_gains_of_a_burst_are_the_queue_s_and_never_rise() -> None:
    truth = person()
    burst = [view(label, truth, truth) for label in (truth, truth & ~LIMB, truth | LIMB, truth & ~LIMB)]
    errors = [0.1, 0.6, 0.7, 0.8]
    gains = review_gains(burst, errors)
    order = [place.key[1] for place in review_order([burst_errors(burst, errors)])]
    assert [gains[index] for index in order] == sorted(gains, reverse=True)
