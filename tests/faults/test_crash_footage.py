"""A video that crashes the decoder, a burst that crashes a teacher: they cost themselves, and nothing beside them."""

from __future__ import annotations

from pathlib import Path

import pytest

from datasets.manifest import read_manifest
from datasets.receipt import Receipt
from datasets.schema import FrameRow, Row, VoteRow
from datasets.shards import read_rows
from pipeline import house
from pipeline.params import Params
from pipeline.run_stage import run_stage
from tests.faults.crashing import DEADLY_CLIP, POISON
from tests.standing_ray import standing_ray
from tests.tiny import slice_of, tiny_params

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
FILMS = ("before.mp4", POISON, "zuletzt.mp4")


@pytest.fixture(scope="module", autouse=True)
def cluster(tmp_path_factory):
    with standing_ray(tmp_path_factory.mktemp("ray")):
        yield


@pytest.fixture(scope="module")
def params() -> Params:
    values = tiny_params()
    values["vote"]["teachers"] = {"selfie": values["vote"]["teachers"]["selfie"]}
    values["pipeline"] |= {"max_fail_fraction": 0.6, "resources": {"ingest": {"max_workers": 1}}}
    return Params.model_validate(values)


@pytest.fixture
def footage(tmp_path, asset) -> Path:
    """A project with three films of two seconds and the models."""
    (tmp_path / "data" / "raw").mkdir(parents=True)
    for number, name in enumerate(FILMS):
        slice_of(asset("cap12"), tmp_path / "data" / "raw" / name, start=60 * number)
    (tmp_path / "models").mkdir()
    for name in ("selfie", "objectron_ssd", "pose_detection"):
        (tmp_path / "models" / f"{name}.tflite").symlink_to(asset(name))
    return tmp_path


def outcome(stage: str, root: Path, row_type: type[Row], folder: str = "") -> tuple[list[Row], list[Receipt]]:
    out = root / "data" / stage
    receipts = read_manifest(out / "manifest.parquet")
    shards = [out / folder / file.name for receipt in receipts for file in receipt.files]
    return [row for shard in shards for row in read_rows(shard, row_type)], receipts


def test_a_video_that_crashes_the_decoder_costs_that_video(footage, params, monkeypatch):
    run_stage("ingest", params.with_runner("local"), footage)
    healthy, _ = outcome("ingest", footage, FrameRow)
    monkeypatch.setitem(house._CLASSES, "ingest", "tests.faults.crashing:CrashingIngest")
    run_stage("ingest", params, footage)
    rows, receipts = outcome("ingest", footage, FrameRow)
    assert rows == [row for row in healthy if row.path != POISON] and {row.path for row in rows} == {*FILMS} - {POISON}
    (lost,) = [receipt for receipt in receipts if receipt.failed]
    assert (lost.label, dict(lost.failed), lost.done) == (POISON, {"worker_died": 1}, 0)
    assert lost.details[0].startswith(f"{POISON}: its worker died 3 times, the last time alone (Aborted)")
    assert run_stage("ingest", params, footage).computed == 0, "a crash is a cached result"


def test_a_burst_that_crashes_a_teacher_costs_that_burst_and_not_its_shard(footage, params, monkeypatch):
    for stage in ("ingest", "detect", "vote"):
        run_stage(stage, params.with_runner("local"), footage)
    healthy, _ = outcome("vote", footage, VoteRow, "selfie")
    doomed = [row for row in healthy if row.clip == DEADLY_CLIP]
    assert doomed and len(doomed) < len(healthy)
    monkeypatch.setitem(house._CLASSES, "vote", "tests.faults.crashing:CrashingVote")
    run_stage("vote", params, footage)
    rows, receipts = outcome("vote", footage, VoteRow, "selfie")
    assert rows == [row for row in healthy if row.clip != DEADLY_CLIP]
    assert sum(receipt.failed.get("worker_died", 0) for receipt in receipts) == len(doomed)
    assert all("its worker died" in detail and "clip 1" in detail for r in receipts for detail in r.details)
