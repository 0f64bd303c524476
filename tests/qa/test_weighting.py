import numpy as np
import pytest

from datasets.schema import GROUPS
from qa.audit import Audit, GroupError
from qa.groups import GroupConfig
from qa.weighting import annotation_trust, start_weight, weight_rows

CONFIG = GroupConfig()


def test_start_weights_follow_the_formula_and_never_rise_again():
    assert start_weight(0) == 1
    assert start_weight(0.1) == pytest.approx(0.8)
    assert start_weight(0.48) == start_weight(0.5) == start_weight(0.9) == 0.05


@pytest.mark.parametrize("frames", [0.0, 1.0, 10.0])
def test_such_weights_make_a_sum_of_flipped_labels_least_noisy(frames: float):
    """Toy voters: labels ±1, each flipped with its own probability e, in frames that differ by a variance of their own.

    A label says (1 − 2e)·truth with variance 1 − (1 − 2e)² and the frames'. Of all weights, signal over variance leaves
    least noise in the weighted sum, over its own signal; ours are within 1 % of it, and the square is further away.
    """
    errors = np.array([0.35, 0.4, 0.45])
    signal = 1 - 2 * errors
    spread = 1 - signal**2 + frames

    def variance(weights: np.ndarray) -> float:
        return float(np.sum(weights**2 * spread) / np.sum(weights * signal) ** 2)

    ours = variance(np.array([start_weight(error) for error in errors]))
    best = variance(signal / spread)
    assert best <= ours < 1.01 * best
    assert ours < variance(signal**2) and ours < 0.9 * variance(np.ones(3))


def test_the_table_has_a_row_for_every_group():
    rows = weight_rows({"silver": 7}, CONFIG)
    assert [row["group"] for row in rows] == list(GROUPS)
    assert [row["count"] for row in rows] == [0, 7, 0, 0]
    weights = [row["weight"] for row in rows]
    assert weights == sorted(weights, reverse=True) and rows[1]["weight"] == pytest.approx(0.96)
    assert [row["audited"] for row in rows] == [0, 0, 0, 0]


def test_core_and_band_have_weights_of_their_own():
    config = GroupConfig(expected_band_error={"gold": 0, "silver": 0.1, "bronze": 0.2, "reject": 0.5})
    silver = weight_rows({}, config)[1]
    assert silver["weight"] == pytest.approx(0.96) and silver["band_weight"] == pytest.approx(0.8)


def test_an_audit_replaces_the_numbers_by_hand():
    errors = {group: GroupError(core=0.05 * index, band=0.1 * index, count=index) for index, group in enumerate(GROUPS)}
    audit = Audit(
        drawn=6, decided=6, verdict="too_few", silver_quality=None, silver_count=0, silver_bad=0, silver_bound=1,
        errors=errors, share=0.05, bad=0.05, confidence=0.9,
    )  # fmt: skip
    bronze = weight_rows({}, CONFIG, audit)[2]
    assert (bronze["expected_error"], bronze["expected_band_error"], bronze["audited"]) == (0.1, 0.2, 2)
    assert bronze["weight"] == pytest.approx(0.8) and bronze["band_weight"] == pytest.approx(0.6)


def test_a_group_without_expected_error_is_named():
    with pytest.raises(ValueError, match=r"expected_error lacks bronze, reject"):
        weight_rows({}, GroupConfig(expected_error={"gold": 0, "silver": 0.1}))
    with pytest.raises(ValueError, match=r"expected_band_error lacks silver"):
        weight_rows({}, GroupConfig(expected_band_error={"gold": 0, "bronze": 0.1, "reject": 0.5}))


def test_what_backs_the_fused_label_speaks_against_an_annotation_that_differs():
    mask = np.array([[255, 255, 0, 0]], np.uint8)
    alpha = np.array([[255, 0, 0, 255]], np.uint8)
    trust = np.array([[255, 255, 200, 40]], np.uint8)
    assert annotation_trust(mask, alpha, trust, 0.0).tolist() == [[255, 0, 200, 215]]
    assert annotation_trust(alpha, alpha, trust, 0.0).tolist() == trust.tolist()
    # right everywhere with 4 chances in 5, and else as far as the teachers back it: 204 + a fifth of the above
    assert annotation_trust(mask, alpha, trust, 0.8).tolist() == [[255, 204, 244, 247]]
    assert (annotation_trust(mask, alpha, trust, 1.0) == 255).all()
