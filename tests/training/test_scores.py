import numpy as np
import pytest

from training.scores import BurstScores, mean_scores, score_burst


def _mask(left: int, right: int) -> np.ndarray:
    mask = np.zeros((20, 30), np.uint8)
    mask[:, left:right] = 255
    return mask


IMAGES = [np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)] * 2


def test_a_perfect_method_scores_perfectly() -> None:
    truths = [_mask(5, 15), _mask(5, 15)]
    scores = score_burst(truths, truths, IMAGES)
    assert scores.frames[0] is not None
    assert scores.frames[0]["iou"] == 1 and scores.frames[0]["mad"] == 0
    assert scores.burst == {"dtssd": pytest.approx(0), "flicker": pytest.approx(0, abs=1e-6), "flicker_static": 0}
    means = mean_scores([scores])
    assert means["boundary_iou"] == means["boundary_iou_inside"] == means["miou2_dataset"] == 1


def test_half_a_person_has_half_the_iou_and_flicker_is_per_thousand() -> None:
    scores = score_burst([_mask(5, 10), _mask(5, 15)], [_mask(5, 15)] * 2, IMAGES)
    assert scores.frames[0] is not None and scores.frames[0]["iou"] == pytest.approx(0.5)
    # A static picture: 5 of 30 columns change fully between the two frames.
    assert scores.burst["flicker"] == pytest.approx(1000 * 5 / 30, rel=0.25)
    assert scores.burst["flicker_static"] == pytest.approx(1000 * 5 / 30)
    # Areas of both frames together: foreground 300 of 400 pixels, background 800 of 900.
    assert mean_scores([scores])["miou2_dataset"] == pytest.approx((3 / 4 + 8 / 9) / 2)
    assert mean_scores([scores])["iou"] == pytest.approx((1 / 2 + 1) / 2)


def test_a_missing_frame_is_left_out_and_stops_the_temporal_metrics() -> None:
    scores = score_burst([None, _mask(5, 15)], [_mask(5, 15)] * 2, IMAGES)
    assert scores.frames[0] is None and scores.burst == {}
    assert mean_scores([scores])["frames"] == 1


def test_means_are_over_frames_and_bursts() -> None:
    bursts = [
        BurstScores(({"iou": 1.0}, {"iou": 0.4}), {"dtssd": 2.0}),
        BurstScores(({"iou": 0.1},), {}),
        BurstScores((None,), {"dtssd": 4.0}),
    ]
    assert mean_scores(bursts) == {"iou": pytest.approx(0.5), "dtssd": 3.0, "frames": 3}
    assert mean_scores([]) == {"frames": 0}
