import math

import numpy as np
import pytest

from qa.prior import PriorLock, effect, frames_to_recover, moved_aside

ROBUST = {"true": 0.95, "empty": 0.94, "shifted": 0.93, "stranger": 0.92, "ones": 0.91}


def _lock(iou: dict[str, float] | None = None, effect: float = 0.02, recovery: float = 1.0) -> PriorLock:
    return PriorLock(iou=iou or ROBUST, effect=effect, recovery=recovery, frames=8, cuts=2)


def test_the_verdict_by_hand() -> None:
    assert _lock().loss == pytest.approx(0.03) and _lock().verdict == "fine"
    assert _lock(effect=0.001).verdict == "ignores"
    assert _lock({**ROBUST, "stranger": 0.8}).verdict == "worships"
    assert _lock(recovery=6.0).verdict == "worships"
    assert _lock(recovery=math.nan).verdict == "fine"


def test_a_shifted_mask_moves_20_of_256_pixels_and_leaves_background() -> None:
    alpha = np.zeros((2, 256), np.uint8)
    alpha[:, 100:110] = 255
    assert np.flatnonzero(moved_aside(alpha)[0]).tolist() == list(range(120, 130))


def test_the_effect_is_counted_in_areas_of_the_person() -> None:
    truth = np.zeros((10, 10), np.uint8)
    truth[:5] = 255
    alphas = {"true": truth.copy(), "empty": truth.copy(), "ones": truth.copy()}
    assert effect(alphas, truth) == 0
    alphas["ones"][5] = 255  # one row more of ten pixels, the person has fifty
    alphas["true"][0, 0] = 0
    assert effect(alphas, truth) == pytest.approx(10 / 50)


def test_frames_to_recover_end_with_the_last_frame_behind() -> None:
    anew = [0.9, 0.9, 0.9, 0.9]
    assert frames_to_recover([0.9, 0.89, 0.9, 0.95], anew) == 0
    assert frames_to_recover([0.5, 0.9, 0.8, 0.9], anew) == 3
    assert frames_to_recover([0.5, 0.5, 0.5, 0.5], anew) == 4
