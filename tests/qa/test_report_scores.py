"""Score tables: order of methods, direction of metrics, the best of every column."""

import math

from qa.report_scores import metric_table, miss_bars, score, time_bars

SCORES = {
    "u2netp": {"iou": 0.95, "mad": 9.0},
    "student": {"iou": 0.94, "mad": 8.0, "sharpness": 3.0},
    "label": {"iou": 0.95, "mad": float("nan")},
    "selfie_landscape": {"iou": None, "mad": 10.0},
}


def test_the_student_comes_first_then_baseline_label_and_teachers():
    assert [row.key for row in metric_table(SCORES).rows] == ["student", "selfie_landscape", "label", "u2netp"]


def test_the_best_is_the_highest_iou_and_the_lowest_error_and_ties_share():
    table = metric_table(SCORES)
    columns = [metric.key for metric in table.columns]
    best = {key: [row.key for row in table.rows if row.cells[columns.index(key)].best] for key in columns}
    assert best == {"iou": ["label", "u2netp"], "mad": ["student"], "sharpness": []}


def test_second_readings_stay_in_the_file():
    table = metric_table(
        {"student": {"iou": 0.9, "boundary_iou": 0.8, "boundary_iou_inside": 0.7, "flicker_static": 3}}
    )
    assert [metric.key for metric in table.columns] == ["iou", "boundary_iou_inside"]


def test_missing_and_unfinite_scores_are_a_dash():
    rows = {row.key: [cell.text for cell in row.cells] for row in metric_table(SCORES).rows}
    assert rows["selfie_landscape"] == ["–", "10.00", "–"]
    assert rows["label"] == ["0.950", "–", "–"]
    assert math.isnan(score(SCORES, "selfie_landscape", "iou")) and math.isnan(score({}, "student", "iou"))


def test_bars_are_ranked_and_the_student_stands_out():
    bars = miss_bars(SCORES)
    assert [(bar.label, bar.text) for bar in bars] == [
        ("fused label", "0.050"),
        ("u2netp", "0.050"),
        ("student", "0.060"),
    ]
    assert [bar.emphasis for bar in bars] == [False, False, True]
    assert [bar.label for bar in time_bars({"selfie_landscape": 2.7, "student": 2.3})] == [
        "student",
        "MediaPipe landscape",
    ]
