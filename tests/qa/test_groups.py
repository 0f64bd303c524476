from qa.groups import GroupConfig, group_of

CONFIG = GroupConfig()
CORE = {"label_iou": 0.8, "core_doubt": 0.1}


def test_groups_by_hand():
    assert group_of(0.0, {}, CONFIG, proven=True) == "gold"
    assert group_of(0.8, CORE, CONFIG, proven=False) == "silver"
    assert group_of(0.79, CORE, CONFIG, proven=False) == "bronze"
    assert group_of(0.5, CORE | {"label_iou": 0.45}, CONFIG, proven=False) == "reject"
    assert group_of(0.5, CORE | {"core_doubt": 0.4}, CONFIG, proven=False) == "reject"
    assert group_of(1.0, {}, CONFIG, proven=False) == "reject"


def test_an_annotation_that_its_judge_cleared_is_bronze_at_least():
    contradicted = CORE | {"label_iou": 0.1, "core_doubt": 0.9}
    assert group_of(0.79, contradicted, CONFIG, proven=False, cleared=True) == "bronze"
    assert group_of(0.8, contradicted, CONFIG, proven=False, cleared=True) == "silver"
    assert group_of(0.9, {}, CONFIG, proven=False, cleared=True) == "reject"  # nobody voted: nobody could judge it


def test_a_known_error_is_bronze_at_best():
    assert group_of(0.9, CORE, CONFIG, proven=False, known_error=True) == "bronze"
    assert group_of(0.5, CORE | {"label_iou": 0.45}, CONFIG, proven=False, known_error=True) == "reject"


def test_without_a_threshold_no_label_is_silver():
    config = GroupConfig(silver_quality=None)
    assert group_of(1.0, CORE, config, proven=False) == "bronze"
    assert group_of(1.0, CORE, config, proven=True) == "gold"
