import pytest

from datasets.schema import GROUPS
from qa.groups import GroupConfig, group_of, start_weight, weight_rows

CONFIG = GroupConfig()
CORE = {"label_iou": 0.8, "core_doubt": 0.1}


def test_groups_by_hand():
    assert group_of(0.0, {}, CONFIG, proven=True) == "gold"
    assert group_of(0.8, CORE, CONFIG, proven=False) == "silver"
    assert group_of(0.79, CORE, CONFIG, proven=False) == "bronze"
    assert group_of(0.5, CORE | {"label_iou": 0.7}, CONFIG, proven=False) == "reject"
    assert group_of(0.5, CORE | {"core_doubt": 0.3}, CONFIG, proven=False) == "reject"
    assert group_of(1.0, {}, CONFIG, proven=False) == "reject"


def test_start_weights_follow_the_formula_and_never_rise_again():
    assert start_weight(0) == 1
    assert start_weight(0.1) == pytest.approx(0.64)
    assert start_weight(0.45) == start_weight(0.5) == start_weight(0.9) == 0.05


def test_the_table_has_a_row_for_every_group():
    rows = weight_rows({"silver": 7}, CONFIG)
    assert [row["group"] for row in rows] == list(GROUPS)
    assert [row["count"] for row in rows] == [0, 7, 0, 0]
    weights = [row["weight"] for row in rows]
    assert weights == sorted(weights, reverse=True) and rows[1]["weight"] == pytest.approx(0.94**2)


def test_a_group_without_expected_error_is_named():
    with pytest.raises(ValueError, match="lacks bronze, reject"):
        weight_rows({}, GroupConfig(expected_error={"gold": 0, "silver": 0.1}))
