"""The whole house on two seconds of footage: a real `dvc repro`, run again, and fed a new clip."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import yaml

from datasets.manifest import read_manifest
from datasets.schema import CuratedRow
from datasets.shards import file_digest, read_rows
from datasets.video import read_frames
from pipeline.ray_head import local_ray
from tests.tiny import REPOSITORY, TEACHERS, slice_of, write_project

CODE = ("datasets", "stages", "qa", "training", "pipeline")
LABELLING = ("ingest", "detect", "vote", "fuse", "score", "curate")

pytestmark = pytest.mark.timeout(900)
"""The whole pipeline runs before the first test: two minutes, and more than five on a busy machine."""


@dataclass(frozen=True)
class Project:
    """A copy of the project with little footage and tiny params, and the Ray that its stages attach to."""

    root: Path
    ray: dict[str, str]

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        scripts = Path(sys.executable).parent
        variables = (
            os.environ
            | {
                "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
                "PYTHONPATH": str(self.root),  # the copy of the code, not the checkout's
            }
            | self.ray
        )
        done = subprocess.run(
            [str(scripts / command[0]), *command[1:]],
            cwd=self.root, env=variables | environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{command}: {done.stdout[-4000:]}\n{done.stderr[-4000:]}"
        return done

    def manifests(self) -> dict[str, str]:
        return {stage: file_digest(self.root / "data" / stage / "manifest.parquet") for stage in LABELLING}

    def computed(self, since: int) -> dict[str, int]:
        """Units computed by each stage since so many lines of the run log."""
        lines = self.log()[since:]
        return {entry["stage"]: entry["computed"] for entry in lines}

    def log(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in (self.root / ".autoroto" / "runs.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, asset) -> Iterator[Project]:
    root = tmp_path_factory.mktemp("project")
    for folder in CODE:
        shutil.copytree(REPOSITORY / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    write_project(root, asset("cap12"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(root))  # workers import the copy of the code too
        with local_ray(root / "ray.log") as address:
            made = Project(root, address)
            made.run("dvc", "init", "--no-scm", "-q")
            made.run("dvc", "config", "cache.type", "hardlink,copy")
            made.run("dvc", "config", "core.analytics", "false")
            made.run("autoroto", "repro")
            yield made


def test_every_stage_made_its_out_and_the_report_tells_of_it(project):
    data = project.root / "data"
    for name in ("train/student.safetensors", "export/student.onnx", "evaluate/metrics.json", "report/report.html"):
        assert (data / name).stat().st_size > 1000, name
    metrics = json.loads((data / "evaluate" / "metrics.json").read_text())
    assert {"student", "selfie_landscape", "label"} <= set(metrics["keyed"])
    assert metrics["milliseconds"]["student"] > 0
    assert "desk.mp4" in (data / "report" / "report.html").read_text()


def test_every_input_is_accounted_for_between_the_stages(project):
    receipts = {stage: read_manifest(project.root / "data" / stage / "manifest.parquet") for stage in LABELLING}
    rows = {stage: sum(file.rows for r in found for file in r.files) for stage, found in receipts.items()}
    inputs = {stage: sum(r.inputs for r in found) for stage, found in receipts.items()}
    assert inputs["detect"] == rows["ingest"] == rows["detect"]
    assert inputs["vote"] == len(TEACHERS) * rows["ingest"]
    assert inputs["score"] == rows["fuse"] and inputs["curate"] == rows["score"]


def test_the_keyed_clip_is_test_only_and_the_new_person_is_trained_on(project):
    shards = sorted((project.root / "data" / "curate").glob("*-*.parquet"))
    rows = [row for shard in shards for row in read_rows(shard, CuratedRow)]
    assert {row.split for row in rows if row.role == "keyed"} == {"test"}
    assert {row.split for row in rows if row.subject == "someone"} == {"train"}


def test_a_second_repro_does_nothing(project):
    lines, before = len(project.log()), project.manifests()
    start = time.perf_counter()
    done = project.run("dvc", "repro")
    assert "up to date" in done.stdout and time.perf_counter() - start < 60
    assert len(project.log()) == lines and project.manifests() == before


def test_a_new_clip_computes_its_own_shards_only(project, asset):
    before = len(project.log())
    slice_of(asset("cap12"), project.root / "data" / "raw" / "second.mp4", start=400)
    (project.root / "data" / "raw" / "second.yaml").write_text("subject: someone\nsplit: train\n")
    project.run("dvc", "repro", "curate")
    # two seconds are two clips of one shard each; every other shard comes from the store
    assert project.computed(before) == {
        "ingest": 1, "detect": 1, "vote": len(TEACHERS), "fuse": 1, "score": 1, "curate": 1,
    }  # fmt: skip


def test_one_worker_from_nothing_gives_the_same_manifests(project):
    before = project.manifests()
    params = yaml.safe_load((project.root / "params.yaml").read_text())
    params["pipeline"] |= {"runner": "local", "store": ".autoroto/another"}
    (project.root / "params.yaml").write_text(yaml.safe_dump(params))
    for stage in LABELLING:
        project.run("autoroto", "run", stage)
    assert project.manifests() == before


def test_label_writes_an_alpha_for_every_frame(project, tmp_path):
    from datasets.images import decode_grey

    photo = project.root / "data" / "raw" / "demo" / "astronaut.png"
    project.run("autoroto", "label", str(photo), "-o", str(tmp_path / "out"), "--runner", "local")
    alpha = decode_grey((tmp_path / "out" / "astronaut" / "alpha" / "astronaut.png").read_bytes())
    assert alpha.shape == (512, 512)
    assert 0.2 < np.mean(alpha > 127) < 0.8
    assert (tmp_path / "out" / "labels.parquet").exists()


def test_apply_replaces_the_background(project, tmp_path):
    project.run("autoroto", "apply", "data/raw/desk.mp4", "-o", str(tmp_path / "out.mp4"), "--background", "#00ff00")
    frames = [image for _, image in read_frames(tmp_path / "out.mp4")]
    assert len(frames) == 50 and frames[0].shape == (300, 400, 3)
