"""Clips that end, fill or stall the worker they are worked on by: they cost themselves, and nothing else."""

from __future__ import annotations

import os
import time
from pathlib import Path

import psutil
import pytest

from datasets.manifest import read_manifest
from datasets.store import Store
from pipeline import run_stage
from pipeline.params import Params, PipelineConfig
from pipeline.plan import Plan
from pipeline.resources import Resources
from pipeline.run_local import run_local
from pipeline.run_stage import StageError
from pipeline.tally import out_of_memory
from pipeline.work import Job, StageSpec, Unit, WorkOptions
from tests.pipeline.toys import ToyConfig
from tests.standing_ray import standing_ray

pytestmark = pytest.mark.slow
STALL_SECONDS = 4
ONE_WORKER = Resources(max_workers=1)


@pytest.fixture(scope="module", autouse=True)
def cluster(tmp_path_factory):
    with standing_ray(tmp_path_factory.mktemp("ray")):
        yield


class Films:
    """Units of the toy stage; `film-N` has N items. Every try of an item with trouble leaves a line."""

    def __init__(self, root: Path):
        self.root = root

    def jobs(self, trouble, units, stage="Toy"):
        spec = StageSpec(f"tests.pipeline.toys:{stage}", ToyConfig(trouble=trouble), self.root)
        return [Job(spec, Unit("toy", "", f"k{n}", f"film {n}", "l", (Path(f"film-{n}"),), weight=n)) for n in units]

    def options(self, **values):
        return WorkOptions(self.root / "store", **{"stall_seconds": STALL_SECONDS} | values)

    def run(self, trouble, units, *, stage="Toy", resources=ONE_WORKER, **options):
        from pipeline.run_ray import run_ray

        return list(run_ray(self.jobs(trouble, units, stage), self.options(**options), resources))

    def processes(self, item):
        return [int(line) for line in (self.root / f"tries-{item}").read_text().split()]

    def tries(self, item):
        return len(self.processes(item))

    def leftovers(self):
        return list((self.root / "store" / "staging").glob("worker-*"))


@pytest.fixture
def films(tmp_path):
    return Films(tmp_path)


def files(outcomes):
    """Unit to its shards' names and SHA-256."""
    return {o.unit.key: [(f.name, f.sha256, f.rows) for f in o.receipt.files] for o in outcomes}


def without(tmp_path, items, units):
    """The same shards as an undisturbed run writes them that drops `items`: what the neighbours' bytes must be."""
    elsewhere = Films(tmp_path / "undisturbed")
    elsewhere.root.mkdir()
    return files(run_local(elsewhere.jobs(dict.fromkeys(items, "drop"), units), elsewhere.options()))


def test_a_clip_that_aborts_costs_itself_for_good(films, tmp_path):
    outcomes = films.run({2: "abort"}, units=(2, 5, 1))
    assert files(outcomes) == without(tmp_path, [2], (2, 5, 1))
    poisoned = next(o.receipt for o in outcomes if o.unit.key == "k5")
    assert dict(poisoned.failed) == {"worker_died": 2} and poisoned.done == 8
    assert poisoned.details[0].startswith("item 2: its worker died 3 times, the last time alone (Aborted)")
    assert films.tries(2) == 3
    assert Store(films.root / "store").lookup("toy", "k5") == poisoned  # a cached result: never tried again
    assert not films.leftovers()


def test_a_clip_whose_workers_are_killed_is_given_up_but_not_for_good(films, tmp_path):
    """SIGKILL is what the OOM killer sends: more memory may help, so the result is not cached."""
    outcomes = films.run({2: "kill"}, units=(2, 5, 1), accept_failures=True)
    assert files(outcomes) == without(tmp_path, [2], (2, 5, 1))
    (lost,) = [o for o in outcomes if o.retryable]
    assert lost.unit.key == "k5" and not lost.committed and dict(lost.receipt.failed) == {"out_of_memory": 2}
    assert "item 2: its worker was killed 3 times, the last time alone" in lost.retryable[0]
    assert films.tries(2) == 3
    assert Store(films.root / "store").lookup("toy", "k5") is None
    assert Store(films.root / "store").lookup("toy", "k2") is not None


def test_a_clip_that_runs_out_of_memory_is_tried_again_in_a_fresh_worker(films, tmp_path):
    outcomes = films.run({2: "hog", 3: "hog once"}, units=(2, 5, 1), accept_failures=True)
    assert files(outcomes) == without(tmp_path, [2], (2, 5, 1))
    (lost,) = [o for o in outcomes if o.retryable]
    assert lost.unit.key == "k5" and dict(lost.receipt.failed) == {"out_of_memory": 2}
    assert (films.tries(2), films.tries(3)) == (2, 2)
    assert outcomes[-1] is lost and len({o.worker for o in outcomes}) == 2


def test_a_clip_that_stalls_is_ended_even_in_native_code(films, tmp_path):
    """It hangs for ever in C with the interpreter's lock: nothing inside the process could end it."""
    outcomes = films.run({2: "hang"}, units=(1, 4), accept_failures=True)
    assert files(outcomes) == without(tmp_path, [2], (1, 4))
    (lost,) = [o for o in outcomes if o.retryable]
    assert dict(lost.receipt.failed) == {"stalled": 2}
    assert f"item 2: no progress for {STALL_SECONDS} s, 2 times, the last time alone" in lost.retryable[0]
    assert films.tries(2) == 2
    assert Store(films.root / "store").lookup("toy", "k4") is None
    time.sleep(1)
    assert not films.leftovers() and not any(psutil.pid_exists(process) for process in films.processes(2))


def test_trouble_that_passes_leaves_no_trace(films, tmp_path):
    """Each of them once: the manifest is the one of an undisturbed run, from two workers."""
    trouble = {1: "abort once", 2: "kill once", 3: "hog once", 4: "sleep once"}
    outcomes = films.run(trouble, units=(2, 5, 6), resources=Resources())
    assert files(outcomes) == without(tmp_path, [], (2, 5, 6))
    assert all(o.committed and not o.receipt.failed for o in outcomes)


def test_a_reader_that_dies_loses_its_unit_and_no_other(films):
    outcomes = films.run({2: "abort"}, units=(2, 5, 1), stage="UnreadableToy")
    lost = {o.unit.key: o.retryable for o in outcomes if o.receipt is None}
    assert list(lost) == ["k5"] and "outside of the work on any one item (Aborted)" in lost["k5"][0]
    assert sorted(o.unit.key for o in outcomes if o.committed) == ["k1", "k2"]


def test_weights_that_cannot_be_opened_stop_the_stage_soon(films):
    from pipeline.run_ray import WorkerLostError

    with pytest.raises(
        WorkerLostError, match=r"toy: 3 workers were lost before their first item, the last one over film \d \(Aborted"
    ):
        films.run({}, units=range(1, 9), stage="UnopenableToy")
    assert not films.leftovers()


def test_a_stage_that_gets_no_worker_says_so(films, monkeypatch):
    """No node has what it asks for: it waits for `stall_seconds`, then names stage, shards and cure."""
    from pipeline.run_ray import WorkerLostError

    monkeypatch.setattr("pipeline.run_ray.START_SECONDS", 1.0)
    start = time.monotonic()
    with pytest.raises(WorkerLostError) as caught:
        films.run({}, units=range(1, 6), resources=Resources(gpus=1), stall_seconds=3)
    message = str(caught.value)
    assert "toy: no worker came up for 3 s" in message and "film 1, film 2, film 3 and 2 more" in message
    assert "1 GPU of 0 (0 free)" in message and "pipeline.resources.toy" in message
    assert 3 <= time.monotonic() - start < 15


def test_a_stage_that_hangs_stops_with_the_names_and_goes_on_where_it_was(films, monkeypatch):
    """Through `run_stage`: a clip asleep for ever stops the stage, once everything else is committed."""

    def plan(trouble):
        spec = StageSpec("tests.pipeline.toys:Toy", ToyConfig(trouble=trouble), films.root)
        units = tuple(job.unit for job in films.jobs({}, (3, 5)))
        monkeypatch.setattr(run_stage, "plan", lambda *_, **__: [Plan(spec, units)])

    params = Params(pipeline=PipelineConfig(store="store", stall_seconds=STALL_SECONDS))
    plan({4: "sleep"})
    with pytest.raises(StageError) as caught:
        run_stage.run_stage("toy", params, films.root)
    assert "toy: 1 failures that may pass" in str(caught.value)
    assert f"film 5: item 4: no progress for {STALL_SECONDS} s, 2 times" in str(caught.value)
    assert Store(films.root / "store").lookup("toy", "k3") is not None

    plan({})
    summary = run_stage.run_stage("toy", params, films.root)
    assert (summary.computed, summary.reused, summary.failed) == (1, 1, 0)
    receipts = read_manifest(films.root / "data" / "toy" / "manifest.parquet")
    assert {r.key: r.done for r in receipts} == {"k3": 6, "k5": 10}


ALLOCATIONS = {
    "numpy": "import numpy; use = lambda: numpy.ones(2**29)",
    "opencv": "import cv2, numpy; small = numpy.ones((8, 8)); use = lambda: cv2.resize(small, (30000, 30000))",
    "torch": "import torch; use = lambda: torch.ones(2**29)",
}


@pytest.mark.parametrize("library", sorted(ALLOCATIONS))
def test_libraries_that_run_out_of_memory_are_understood(library):
    """None of them may end as a cached result: with more memory the same clip may be fine."""
    names: dict[str, object] = {}
    exec(ALLOCATIONS[library], names)
    import resource

    limits = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * os.sysconf("SC_PAGE_SIZE") + 300 * 2**20, limits[1]))
    try:
        with pytest.raises(Exception) as caught:
            names["use"]()  # type: ignore[operator]
    finally:
        resource.setrlimit(resource.RLIMIT_AS, limits)
    assert out_of_memory(caught.value), repr(caught.value)
