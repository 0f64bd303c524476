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


def test_a_stall_is_reported_with_stage_unit_and_item(tmp_path, caplog):
    """The local runner cannot end it: the item rests for a while and then goes on."""
    spec = StageSpec("tests.pipeline.toys:Toy", ToyConfig(trouble={1: "rest"}), tmp_path)
    job = Job(spec, Unit("toy", "", "k", "film 3", "l", (Path("film-3"),)))
    (outcome,) = run_local([job], WorkOptions(tmp_path / "store", stall_seconds=0.4))
    assert outcome.committed
    assert "toy: film 3: no progress for 0.4 s at item 1." in caplog.text
    assert "item 0" not in caplog.text and "item 2" not in caplog.text
