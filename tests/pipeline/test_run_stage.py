from __future__ import annotations

from pathlib import Path

import pytest

from datasets.manifest import read_manifest
from pipeline import run_stage
from pipeline.params import Params, PipelineConfig
from pipeline.plan import Plan
from pipeline.run_stage import StageError
from pipeline.work import StageSpec, Unit
from tests.pipeline.toys import ToyConfig


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the toy stage over units of so many items each, on the local runner."""

    def start(trouble, units=(3,), **pipeline):
        spec = StageSpec("tests.pipeline.toys:Toy", ToyConfig(trouble=trouble), tmp_path)
        todo = tuple(Unit("toy", "", f"k{n}", f"film {n}", "l", (Path(f"film-{n}"),), n) for n in units)
        monkeypatch.setattr(run_stage, "plan", lambda *_, **__: [Plan(spec, todo)])
        return run_stage.run_stage("toy", Params(pipeline=PipelineConfig(runner="local", **pipeline)), tmp_path)

    return start


def test_too_many_failures_stop_the_stage_with_a_summary(run, tmp_path):
    with pytest.raises(StageError) as caught:
        run(dict.fromkeys(range(25), "fail") | {25: "raise"}, units=(26,), max_fail_fraction=0.9)
    message = str(caught.value)
    assert message.startswith("toy: 52 of 52 inputs failed (50 broken, 2 ValueError), more than")
    assert "pipeline.max_fail_fraction = 0.9" in message
    assert message.count("is broken") == 20 and "… and 6 more" in message and "item 19 is broken" in message
    assert not (tmp_path / "data" / "toy" / "manifest.parquet").exists()


def test_what_failed_for_good_is_not_tried_again_after_the_stop(run):
    with pytest.raises(StageError, match="2 of 6 inputs"):
        run({1: "fail"}, max_fail_fraction=0.3)
    summary = run({1: "fail"}, max_fail_fraction=0.34)
    assert (summary.computed, summary.reused, summary.failed) == (0, 1, 2)


def test_failures_that_may_pass_stop_the_stage_and_keep_everything_else(run):
    with pytest.raises(StageError) as caught:
        run({3: "memory"}, units=(2, 3, 4))
    assert "toy: 1 failures that may pass" in str(caught.value) and "film 4: item 3: too large" in str(caught.value)
    summary = run({}, units=(2, 3, 4))
    assert (summary.computed, summary.reused) == (1, 2)


def test_accepted_failures_reach_the_out_and_are_tried_again_next_time(run, tmp_path):
    summary = run({3: "memory"}, units=(2, 4), accept_failures=True)
    assert summary.failed == 2
    receipts = read_manifest(tmp_path / "data" / "toy" / "manifest.parquet")
    assert {r.key: dict(r.failed) for r in receipts} == {"k2": {}, "k4": {"out_of_memory": 2}}
    summary = run({}, units=(2, 4), accept_failures=True)
    assert (summary.computed, summary.reused, summary.failed) == (1, 1, 0)


def test_light_stages_are_worked_off_shard_by_shard_and_heavy_ones_before(tmp_path, monkeypatch):
    """So that a frame that was decoded for one teacher is still there for the next."""
    config, toy = ToyConfig(), "tests.pipeline.toys:Toy"

    def planned(folder, light):
        units = tuple(Unit("toy", folder, f"{folder}{n}", f"{folder}{n}", "l", (Path(f"film-{n}"),), n) for n in (1, 2))
        return Plan(StageSpec(toy, config, tmp_path, light), units)

    plans = [planned("a", True), planned("heavy", False), planned("b", True)]
    monkeypatch.setattr(run_stage, "plan", lambda *_, **__: plans)
    order = []
    run_stage.run_stage(
        "toy", Params(pipeline=PipelineConfig(runner="local")), tmp_path, progress=lambda *at: order.append(at[2])
    )
    assert order[1:] == ["heavy2", "heavy1", "a2", "b2", "a1", "b1"]
