"""Intervals and scenarios as the report writes them."""

import pytest

from qa.report_intervals import Estimate, difference, estimate, scenario_scores, sure_table
from qa.report_scores import METRICS

IOU = METRICS[0]
MAD_T = next(metric for metric in METRICS if metric.key == "mad_t")


def value(mean: float, low: float, high: float) -> dict[str, float]:
    return {"mean": mean, "low": low, "high": high}


@pytest.mark.parametrize(
    ("metric", "found", "mean", "interval", "verdict"),
    [
        (IOU, value(0.012, 0.004, 0.02), "+0.012", "+0.004 to +0.020", "better"),
        (IOU, value(-0.012, -0.02, -0.004), "−0.012", "−0.020 to −0.004", "worse"),
        (IOU, value(0.012, -0.004, 0.03), "+0.012", "−0.004 to +0.030", "cannot tell"),
        (MAD_T, value(-3.0, -5.0, -1.0), "−3.00", "−5.00 to −1.00", "better"),
        (MAD_T, value(3.0, 1.0, 5.0), "+3.00", "+1.00 to +5.00", "worse"),
        (IOU, None, "–", ""),
    ],
)
def test_a_difference_says_what_it_means(metric, found, mean, interval, verdict):
    assert difference(found, metric) == Estimate(mean, interval, verdict)


def test_an_estimate_by_itself_is_neither_good_nor_bad():
    assert estimate(value(0.951, 0.94, 0.96), IOU) == Estimate("0.951", "0.940 to 0.960")
    assert estimate(None, IOU) == Estimate("–")


def test_the_table_has_the_student_then_its_differences():
    table = sure_table(
        {
            "unit": "clip",
            "units": 9,
            "methods": {"student": {"iou": value(0.9, 0.8, 0.95), "grad": value(1, 1, 1)}},
            "student_minus": {"label": {"iou": value(-0.1, -0.2, -0.05)}, "selfie_landscape": {}},
        }
    )
    assert table is not None and [metric.key for metric in table.columns] == ["iou"]  # Grad would be one too many
    assert [name for name, _ in table.rows] == ["student", "student − MediaPipe landscape", "student − fused label"]
    assert [cells[0].mean for _, cells in table.rows][1] == "–"
    assert (table.unit, table.units) == ("clip", 9)


def test_nothing_is_shown_of_nothing():
    assert sure_table({}) is None and sure_table({"unit": "burst", "units": 1, "methods": {}}) is None
    assert scenario_scores({}) == []


def test_the_scenario_where_the_student_is_furthest_behind_comes_first():
    def row(student: float | None, other: float) -> dict:
        methods = {"selfie_landscape": {"iou": other}} | ({} if student is None else {"student": {"iou": student}})
        return {"frames": 4, "clips": 1, "methods": methods, "student_minus": {}}

    rows = scenario_scores({"dark": row(0.9, 0.8), "backlit": row(0.5, 0.8), "blurred": row(None, 0.8)})
    assert [entry.name for entry in rows] == ["backlit", "dark", "blurred"]
    assert rows[0].ious == ("0.500", "0.800", "–", "–") and rows[0].difference.mean == "–"
