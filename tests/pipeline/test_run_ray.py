from __future__ import annotations

from pathlib import Path

import pytest
from ray.exceptions import ActorUnavailableError, OutOfMemoryError, RayActorError

from datasets.manifest import write_manifest
from pipeline.heartbeat import Heartbeat
from pipeline.resources import Resources
from pipeline.run_local import run_local
from pipeline.work import Job, StageSpec, Unit, WorkOptions
from tests.pipeline.toys import ToyConfig
from tests.standing_ray import standing_ray


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    with standing_ray(tmp_path_factory.mktemp("ray")) as address:
        yield address


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


@pytest.mark.parametrize(
    "error, words, kind",
    [
        (RayActorError(error_msg="The actor died unexpectedly"), "Fatal Python error: Aborted\n\nStack", "crash"),
        (RayActorError(error_msg="The actor died unexpectedly"), "", "killed"),
        (RayActorError(error_msg="The actor died because its node has died. Node Id: 12"), "", "node"),
        (ActorUnavailableError("connection reset", None), "", "node"),
        (OutOfMemoryError("1 worker(s) were killed due to the node running low on memory."), "", "memory"),
    ],
)
def test_how_a_worker_died(tmp_path, error, words, kind):
    from pipeline.run_ray import death_of

    note = tmp_path / "worker.note"
    Heartbeat(note).at(3)
    with note.open("a") as file:
        file.write(words)
    assert death_of(error, note).kind == kind


def test_workers_fit_the_cluster():
    assert Resources(cpus=1).workers({"CPU": 2.0}) == 2
    assert Resources(cpus=1, max_workers=1).workers({"CPU": 2.0}) == 1
    assert Resources(gpus=1).workers({"CPU": 8.0}) == 1  # none fits: one is asked for, and waits
    assert Resources(memory_gb=2).workers({"CPU": 8.0, "memory": 5 * 2**30}) == 2
