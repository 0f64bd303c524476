from __future__ import annotations

import pytest
from rich.console import Console

from pipeline.run_log import Summary, last_runs, log_summary
from pipeline.times import times_table


def summary(**values):
    defaults = {
        "stage": "vote", "started": 0.0, "seconds": 10.0, "start_seconds": 1.0, "units": 4, "computed": 4, "reused": 0,
        "frames": 100, "inputs": 100, "done": 90, "dropped": 8, "failed": 2, "worker_seconds": 18.0,
        "model_seconds": 16.0, "workers": 2,
    }  # fmt: skip
    return Summary(**(defaults | values))


def test_what_the_house_costs_is_wall_time_not_spent_in_models():
    assert summary().other_seconds == pytest.approx(10 - 16 / 2)


def test_the_last_run_that_computed_anything_counts(tmp_path):
    for entry in (summary(seconds=5.0), summary(stage="fuse"), summary(seconds=7.0), summary(computed=0, seconds=0.1)):
        log_summary(entry, tmp_path)
    assert {stage: run.seconds for stage, run in last_runs(tmp_path).items()} == {"fuse": 10.0, "vote": 7.0}


def test_no_log_no_runs(tmp_path):
    assert last_runs(tmp_path) == {}


def test_the_sentence_names_what_was_lost():
    assert summary().sentence() == "vote: 4 computed, 0 reused in 10.0 s; 100 in = 90 done, 8 dropped, 2 failed"


def test_the_table_sums_up():
    console = Console(width=120, record=True)
    console.print(
        times_table({"vote": summary(), "train": summary(stage="train", frames=0, workers=1, model_seconds=9.0)})
    )
    text = console.export_text()
    assert "10.0" in text and "20.0" in text and "3.0" in text
