from __future__ import annotations

from pathlib import Path

import pytest

from datasets.manifest import write_manifest
from pipeline.ray_head import local_ray
from pipeline.resources import Resources
from pipeline.run_local import run_local
from pipeline.work import Job, StageSpec, Unit, WorkOptions
from tests.pipeline.toys import ToyConfig


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A standing Ray, as `autoroto repro` starts one, and this process attached to it."""
    import ray

    with pytest.MonkeyPatch.context() as patch, local_ray(tmp_path_factory.mktemp("ray") / "ray.log") as address:
        patch.setenv("RAY_ADDRESS", address)
        # workers see neither the driver's folder nor its path; installed packages they do, the tests' toys they do not
        ray.init(address=address, log_to_driver=False, runtime_env={"env_vars": {"PYTHONPATH": str(Path.cwd())}})
        yield address
        ray.shutdown()


def jobs(tmp_path, trouble):
    spec = StageSpec("tests.pipeline.toys:Toy", ToyConfig(trouble=trouble), tmp_path)
    return [Job(spec, Unit("toy", "", f"k{n}", f"film {n}", "l", (Path(f"film-{n}"),), weight=n)) for n in (1, 3, 4)]


def manifest(path, outcomes):
    write_manifest(path, [outcome.receipt for outcome in outcomes])
    return path.read_bytes()


def test_ray_and_the_plain_loop_give_the_same_bytes(cluster, tmp_path):
    from pipeline.run_ray import run_ray

    trouble = {2: "raise"}
    here = list(run_local(jobs(tmp_path, trouble), WorkOptions(tmp_path / "a", shard_frames=2)))
    there = list(run_ray(jobs(tmp_path, trouble), WorkOptions(tmp_path / "b", shard_frames=2), Resources()))
    assert manifest(tmp_path / "m1", here) == manifest(tmp_path / "m2", there)


def test_an_item_that_aborts_its_worker_costs_that_item(cluster, tmp_path):
    from pipeline.run_ray import run_ray

    outcomes = list(run_ray(jobs(tmp_path, {2: "abort"}), WorkOptions(tmp_path / "s"), Resources()))
    receipts = {outcome.unit.key: outcome.receipt for outcome in outcomes}
    assert sorted(receipts) == ["k1", "k3", "k4"]
    assert dict(receipts["k1"].failed) == {}
    assert dict(receipts["k4"].failed) == {"worker_died": 2} and receipts["k4"].done == 6
    assert "item 2: its worker died" in receipts["k4"].details[0]


def test_a_stage_that_cannot_open_its_weights_stops_the_run(cluster, tmp_path):
    import ray

    from pipeline.run_ray import run_ray

    broken = [Job(StageSpec("tests.pipeline.toys:Nowhere", ToyConfig(), tmp_path), jobs(tmp_path, {})[0].unit)]
    with pytest.raises(ray.exceptions.RayTaskError, match="Nowhere"):
        list(run_ray(broken, WorkOptions(tmp_path / "s"), Resources()))


def test_workers_fit_the_cluster():
    assert Resources(cpus=1).workers({"CPU": 2.0}) == 2
    assert Resources(cpus=1, max_workers=1).workers({"CPU": 2.0}) == 1
    assert Resources(gpus=1).workers({"CPU": 8.0}) == 1  # none fits: one is asked for, and waits
    assert Resources(memory_gb=2).workers({"CPU": 8.0, "memory": 5 * 2**30}) == 2
