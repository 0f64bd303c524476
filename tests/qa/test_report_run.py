"""Numbers of a run: counts by stage and teacher, times, curves; what is broken is named."""

import json
import math

import pytest

from qa.report_run import read_curves, read_json, read_times, stage_counts


def test_counts_are_summed_by_stage_and_teacher(report_inputs):
    counts = {(stage.stage, stage.folder): stage for stage in stage_counts(report_inputs.manifests)}
    ingest, vote = counts["ingest", ""], counts["vote", "u2netp"]
    assert (ingest.inputs, ingest.done, ingest.failed) == (5, 4, (("unreadable", 1),))
    assert [problem.label for problem in ingest.problems] == ["demo/<b>broken</b>.mp4"]
    assert vote.dropped == (("background", 3),) and vote.inputs == vote.done + 3
    assert all(stage.balanced for stage in counts.values())
    assert ("synthesize", "") not in counts


def test_a_time_is_that_of_the_last_run_that_computed_something(report_inputs):
    times = {time.stage: time for time in read_times(report_inputs.run_log)}
    assert list(times) == ["ingest", "detect", "vote", "fuse", "score", "curate"]
    assert times["vote"].model_seconds == 10.0
    assert times["vote"].model_wall == 5.0, "two workers share the models' time"
    assert times["vote"].rate == pytest.approx(times["vote"].frames / 16.0)


def test_models_never_explain_more_than_the_wall_time(tmp_path):
    record = {"stage": "vote", "seconds": 3.0, "frames": 9, "computed": 1, "workers": 1, "model_seconds": 4.0}
    (tmp_path / "runs.jsonl").write_text(json.dumps(record))
    assert read_times(tmp_path / "runs.jsonl")[0].model_wall == 3.0


def test_a_broken_line_of_the_run_log_is_named(tmp_path):
    (tmp_path / "runs.jsonl").write_text('{"stage": "vote"}\n')
    with pytest.raises(ValueError, match=r"runs\.jsonl line 1 .*delete that line"):
        read_times(tmp_path / "runs.jsonl")


def test_curves_share_a_chart_by_quantity(report_inputs):
    charts = {quantity: (x_name, series) for quantity, x_name, series in read_curves(report_inputs.history)}
    assert list(charts) == ["lr", "loss", "iou"]
    x_name, series = charts["iou"]
    assert x_name == "step" and [line.name for line in series] == ["train", "val"]
    assert series[0].points[0][0] == 50 and len(series[0].points) == 20


def test_a_hole_in_the_history_is_not_a_number(tmp_path):
    (tmp_path / "history.csv").write_text("step,loss\n1,0.5\n2,\n3,0.4\n")
    ((_, _, (line,)),) = read_curves(tmp_path / "history.csv")
    assert [x for x, _ in line.points] == [1, 2, 3] and math.isnan(line.points[1][1])


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_json_that_is_no_object_is_named(tmp_path, text):
    (tmp_path / "metrics.json").write_text(text)
    with pytest.raises(ValueError, match=r"metrics\.json"):
        read_json(tmp_path / "metrics.json")
