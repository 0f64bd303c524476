import numpy as np
import pytest

from qa.support import least_support

LABEL = np.zeros((4, 4), np.bool_)
LABEL[1:3, 1:3] = True


def test_votes_that_agree_support_wholly():
    assert least_support(255 * LABEL.astype(np.float32), LABEL) == 1
    assert least_support(255 * (~LABEL).astype(np.float32), LABEL) == 0


def test_by_hand():
    """One of sixteen pixels has the support .2, the others 1: the weights are exp(8) and 1."""
    votes = 255 * LABEL.astype(np.float32)
    votes[0, 0] = 204
    heavy = np.exp(8)
    assert least_support(votes, LABEL) == pytest.approx((0.2 * heavy + 15) / (heavy + 15), rel=1e-6)


def test_a_region_weighs_more_than_a_pixel_and_a_sure_one_more_than_a_large_one():
    def contradicted(pixels: int, value: float) -> float:
        votes = np.zeros((64, 64), np.float32)
        votes.ravel()[:pixels] = value
        return least_support(votes, np.zeros((64, 64), np.bool_))

    assert contradicted(100, 153) < contradicted(10, 153) < 1
    assert contradicted(10, 230) < contradicted(400, 102)


def test_it_is_what_cleanlab_computes():
    rank = pytest.importorskip("cleanlab.segmentation.rank")
    votes = np.random.default_rng(0).integers(0, 256, (24, 32)).astype(np.float32)
    label = votes > 90
    chance = votes / 255
    scores, _ = rank.get_label_quality_scores(
        label.astype(np.int64)[None], np.stack([1 - chance, chance])[None], verbose=False
    )
    assert least_support(votes, label) == pytest.approx(float(scores[0]), abs=1e-6)
