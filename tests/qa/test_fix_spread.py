from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest

from qa.fix_spread import reaches, spread_fix
from qa.metrics import iou
from qa.temporal_signals import Tracks
from stages.flow import Track, track_pair

SIZE = (96, 128)


def square(top: int, left: int, size: int) -> np.ndarray:
    mask = np.zeros(SIZE, np.bool_)
    mask[top : top + size, left : left + size] = True
    return mask


def still_tracks(count: int, tracked: np.ndarray | None = None) -> Tracks:
    """A burst in which nothing moves."""
    track = Track(np.zeros((*SIZE, 2), np.float32), np.ones(SIZE, np.bool_) if tracked is None else tracked)
    return [(track, track)] * (count - 1)


def tracks_between(images: list[np.ndarray]) -> Tracks:
    return [track_pair(first, second) for first, second in itertools.pairwise(images)]


def moving_person(frames: int, step: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Pictures with texture, in which a textured square moves right, and its true masks."""
    rng = np.random.default_rng(0)
    scene, person = (cv2.GaussianBlur(rng.uniform(0, 255, (*SIZE, 3)).astype(np.uint8), (0, 0), 2) for _ in range(2))
    scene, person = (cv2.normalize(picture, None, 0, 255, cv2.NORM_MINMAX) for picture in (scene, person))
    images, masks = [], []
    for index in range(frames):
        mask = square(24, 20 + step * index, 48)
        images.append(np.where(mask[..., None], np.roll(person, step * index, axis=1), scene))
        masks.append(mask)
    return images, masks


def test_only_the_correction_spreads():
    truth, hole, other = square(20, 30, 40), square(30, 40, 10), square(50, 60, 3)
    labels = [truth & ~hole, (truth & ~hole) | other, truth]
    mended = spread_fix(labels, 0, truth, still_tracks(3))
    assert (mended[0] == truth).all()
    assert (mended[1] == (truth | other)).all()  # its own differences stay
    assert (mended[2] == truth).all()
    assert (labels[0] == (truth & ~hole)).all()  # the input is not touched


def test_what_is_removed_spreads_too_and_in_both_directions():
    truth, blob = square(20, 30, 40), square(70, 90, 15)
    for mended in spread_fix([truth | blob] * 3, 1, truth, still_tracks(3)):
        assert (mended == truth).all()


def test_nothing_spreads_where_the_flow_is_not_sure():
    truth, hole = square(20, 30, 40), square(30, 40, 10)
    tracked = np.ones(SIZE, np.bool_)
    tracked[:, :45] = False
    mended = spread_fix([truth & ~hole] * 2, 0, truth, still_tracks(2, tracked))[1]
    assert not mended[30:40, 40:45].any() and mended[30:40, 45:50].all()


def test_a_cut_stops_it():
    tracks = still_tracks(3)
    tracks[1] = still_tracks(2, np.zeros(SIZE, np.bool_))[0]
    truth, hole = square(20, 30, 40), square(30, 40, 10)
    mended = spread_fix([truth & ~hole] * 3, 0, truth, tracks)
    assert (mended[1] == truth).all() and (mended[2] == (truth & ~hole)).all()


def test_a_fix_follows_a_moving_person():
    images, truths = moving_person(5, 3)
    labels = [truth & ~square(30, 30 + 3 * index, 16) for index, truth in enumerate(truths)]
    mended = spread_fix(labels, 0, truths[0], tracks_between(images))
    assert max(iou(label, truth) for label, truth in zip(labels, truths, strict=True)) < 0.9
    assert min(iou(mask, truth) for mask, truth in zip(mended, truths, strict=True)) > 0.97


def test_reach_is_a_power_of_the_share_of_the_doubt_that_was_doubted_in_both():
    first, second = np.zeros((2, *SIZE), np.float32)
    first[10:20, 10:20] = 1.0
    second[10:20, 15:35] = 0.5  # a quarter of the first, and three times as much besides
    share = reaches([first, second], still_tracks(2))
    assert share == pytest.approx(np.array([[1, 0.25**4], [0.25**4, 1]]))


def test_doubt_that_moves_with_the_person_is_reached():
    images, truths = moving_person(4, 3)
    doubts = [square(30, 30 + 3 * index, 16).astype(np.float32) for index in range(len(truths))]
    share = reaches(doubts, tracks_between(images))
    assert share[0].min() > 0.8**4
    nowhere = [*doubts[:3], np.zeros(SIZE, np.float32)]
    assert reaches(nowhere, tracks_between(images))[0, 3] == 0


def test_a_fix_of_another_size_is_refused():
    with pytest.raises(ValueError, match="label's size"):
        spread_fix([square(0, 0, 4)] * 2, 0, np.zeros((4, 4), np.bool_), still_tracks(2))
