from dataclasses import replace

import cv2
import numpy as np
import pytest

from qa.temporal_signals import temporal_signals
from qa.view import Outline, View

SIZE = (96, 128)
STEP = 3


def scene(step: int) -> tuple[np.ndarray, np.ndarray]:
    """A textured person that moves right over a textured room, and the exact mask."""
    rng = np.random.default_rng(0)

    def texture(height: int, width: int, low: int, high: int) -> np.ndarray:
        small = rng.integers(low, high, (height // 6, width // 6, 3), dtype=np.uint8)
        return cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)

    image, patch = texture(*SIZE, 0, 120), texture(54, 36, 100, 255)
    mask = np.zeros(SIZE, np.bool_)
    left = 30 + step * STEP
    image[20:74, left : left + 36] = patch
    mask[20:74, left : left + 36] = True
    return image, mask


def view(step: int, label: np.ndarray | None = None) -> View:
    image, mask = scene(step)
    vote = {"a": mask.astype(np.uint8) * 255}
    return View(
        image=image, trust=np.zeros(SIZE, np.uint8), label=Outline(mask if label is None else label), votes=vote
    )


def test_labels_that_follow_the_person_fit_their_neighbours():
    for signals in temporal_signals([view(0), view(1), view(2)]):
        assert signals["flow_iou"] > 0.95
        assert signals["area_jump"] < 0.05 and signals["centroid_jump"] < 0.01 and signals["contact_change"] == 0
        assert signals["motion"] == pytest.approx(STEP / np.hypot(*SIZE), rel=0.35)


def test_the_bad_frame_is_named_and_not_its_neighbours():
    half = scene(1)[1].copy()
    half[47:] = False
    first, middle, last, end = temporal_signals([view(0), view(1, half), view(2), view(3)])
    assert middle["flow_iou_best"] < 0.6 and middle["area_jump"] > 0.4 and middle["centroid_jump"] > 0.05
    assert last["flow_iou_best"] > 0.95 and end["flow_iou_best"] > 0.95
    # The first frame has but one neighbour: it cannot be told which of the two is wrong.
    assert first["flow_iou_best"] < 0.6


def test_a_label_that_trails_behind_lags():
    on_time = temporal_signals([view(0), view(1), view(2)])
    late = temporal_signals([view(0), view(1, scene(0)[1]), view(2, scene(1)[1])])
    assert "lag" not in on_time[0]
    assert on_time[1]["lag"] < 0 < late[1]["lag"]
    assert late[2]["lag"] > 0.1


def test_contact_that_comes_and_goes():
    image, mask = scene(0)
    touching = mask.copy()
    touching[20:68, :40] = True
    still = View(image=image, trust=np.zeros(SIZE, np.uint8), label=Outline(mask))
    odd = View(image=image, trust=np.zeros(SIZE, np.uint8), label=Outline(touching))
    signals = temporal_signals([still, odd, still, still])
    assert signals[1]["contact_change"] == pytest.approx(48 / 96)
    assert signals[2]["contact_change"] == signals[3]["contact_change"] == 0


def test_a_photo_has_no_temporal_signals():
    assert temporal_signals([view(0)]) == [{}]


def test_an_empty_label_is_a_jump_and_no_crash():
    empty = np.zeros(SIZE, np.bool_)
    signals = temporal_signals([view(0), view(1, empty), view(2, empty)])
    assert signals[0]["area_jump"] == 1 and signals[2]["area_jump"] == 0 and signals[1]["motion"] == 0


def test_votes_that_flicker_are_seen_though_the_label_does_not():
    def shown(step: int, *, spoilt: bool) -> View:
        half = scene(step)[1].copy()
        half[47:] = False
        seen = (half, half, scene(step)[1]) if spoilt else (scene(step)[1],) * 3
        votes = {str(index): mask.astype(np.uint8) * 255 for index, mask in enumerate(seen)}
        return replace(view(step), votes=votes)

    calm = temporal_signals([shown(step, spoilt=False) for step in range(4)])
    spoilt = temporal_signals([shown(step, spoilt=step == 1) for step in range(4)])
    assert calm[1]["majority_odd"] < 0.05 and calm[1]["majority_steady"] > 0.95
    # Half of the person is there before and after, over the half that is left.
    assert spoilt[1]["majority_odd"] == pytest.approx(1, abs=0.1) and spoilt[1]["majority_steady"] < 0.6
    assert spoilt[2]["majority_odd"] < 0.05 and spoilt[3]["majority_steady"] > 0.95
    assert spoilt[0]["steady_burst"] < 0.85 < 0.95 < calm[0]["steady_burst"]
    assert spoilt[1]["odd_one"] < 0.05
