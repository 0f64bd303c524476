import numpy as np
import pytest
from pydantic import ValidationError

from training.config import PriorConfig
from training.prior import draw_kind, minor_warp, wrong_prior


def _mask() -> np.ndarray:
    mask = np.zeros((72, 128), np.uint8)
    mask[20:, 40:90] = 255
    return mask


def _iou(a: np.ndarray, b: np.ndarray) -> float:
    return float(((a > 127) & (b > 127)).sum() / ((a > 127) | (b > 127)).sum())


def test_kinds_come_in_their_shares() -> None:
    rng = np.random.default_rng(0)
    drawn = [draw_kind(rng, PriorConfig()) for _ in range(4000)]
    shares = {kind: drawn.count(kind) / 4000 for kind in ("empty", "minor", "wrong", "own")}
    assert shares == pytest.approx({"empty": 0.35, "minor": 0.25, "wrong": 0.15, "own": 0.25}, abs=0.03)


def test_a_kind_without_a_share_is_never_drawn() -> None:
    config = PriorConfig(empty=1, minor=0, wrong=0, own=0)
    assert {draw_kind(np.random.default_rng(seed), config) for seed in range(50)} == {"empty"}


def test_shares_must_sum_to_one() -> None:
    with pytest.raises(ValidationError, match="sum to 1"):
        PriorConfig(empty=0.9)


def test_a_minor_warp_resembles_the_truth_and_a_wrong_prior_mostly_does_not() -> None:
    mask, stranger = _mask(), np.zeros((72, 128), np.uint8)
    minor = [_iou(mask, minor_warp(mask, np.random.default_rng(seed))) for seed in range(40)]
    wrong = [_iou(mask, wrong_prior(mask, stranger, np.random.default_rng(seed))) for seed in range(40)]
    assert min(minor) > 0.7
    assert np.median(wrong) < 0.5


def test_wrong_priors_include_a_stranger_and_a_full_frame() -> None:
    mask, stranger = _mask(), np.full((72, 128), 7, np.uint8)
    found = [wrong_prior(mask, stranger, np.random.default_rng(seed)) for seed in range(60)]
    assert any(np.array_equal(prior, stranger) for prior in found)
    assert any((prior == 255).all() for prior in found)
