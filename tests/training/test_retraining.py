import json
from pathlib import Path

import pytest

from training.retraining import earlier_student, gains


def test_gains_are_above_zero_whichever_way_is_better() -> None:
    metrics = {
        "keyed": {
            "student": {"iou": 0.95, "boundary_f": 0.8, "dtssd": 1.0, "flicker": None, "frames": 10},
            "earlier": {"iou": 0.90, "boundary_f": 0.9, "dtssd": 1.5, "flicker": 2.0, "frames": 10},
            "label": {"iou": 1.0},
        },
        "test": {"student": {"iou": 0.9}},
        "scenarios": {
            "keyed": {"dark": {"frames": 2, "methods": {"student": {"iou": 0.7}, "earlier": {"iou": 0.8}}}},
            "test": {"hands": {"frames": 2, "methods": {"student": {"iou": 0.7}}}},
        },
    }
    found = gains(metrics)
    assert set(found) == {"keyed", "keyed: dark"}
    assert {name: row["gained"] for name, row in found["keyed"].items()} == pytest.approx(
        {"iou": 0.05, "boundary_f": -0.1, "dtssd": 0.5}
    )
    assert found["keyed: dark"]["iou"] == pytest.approx({"earlier": 0.8, "now": 0.7, "gained": -0.1})


def test_without_an_earlier_student_there_is_nothing_to_compare() -> None:
    assert gains({"keyed": {"student": {"iou": 0.9}}, "milliseconds": {}}) == {}


def test_the_earlier_student_is_where_the_new_one_says_while_it_is_there(tmp_path: Path) -> None:
    student = tmp_path / "data" / "train"
    student.mkdir(parents=True)
    for config in ({}, {"config": {"init_from": ""}}, {"config": {"init_from": "data/students/old"}}):
        (student / "student.json").write_text(json.dumps(config))
        assert earlier_student(student, tmp_path) is None
    old = tmp_path / "data" / "students" / "old"
    old.mkdir(parents=True)
    for name in ("student.json", "student.safetensors"):
        (old / name).write_text("{}")
    assert earlier_student(student, tmp_path) == old
