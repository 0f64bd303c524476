from __future__ import annotations

from pathlib import Path

from pipeline.run_local import run_local
from pipeline.work import Job, StageSpec, Unit, WorkOptions
from tests.pipeline.toys import ToyConfig


def test_jobs_of_several_stages_run_in_order(tmp_path):
    jobs = [
        Job(StageSpec("tests.pipeline.toys:Toy", ToyConfig(factor=factor), tmp_path),
            Unit("toy", "", f"k{factor}{n}", "film", "l", (Path(f"film-{n}"),)))
        for factor in (1.0, 2.0)
        for n in (1, 2)
    ]  # fmt: skip
    outcomes = list(run_local(jobs, WorkOptions(tmp_path / "store")))
    assert [outcome.unit.key for outcome in outcomes] == ["k1.01", "k1.02", "k2.01", "k2.02"]
    assert all(outcome.committed for outcome in outcomes)
