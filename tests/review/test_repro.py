"""The whole way: labelled footage, people in Label Studio, and `dvc repro` trains again on what they decided."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import yaml

from datasets.images import decode_grey
from datasets.manifest import read_manifest
from datasets.schema import CuratedRow
from datasets.shards import file_digest, read_rows
from pipeline.review.access import SERVED, TOKEN, URL
from pipeline.review.client import Studio
from pipeline.review.tasks import key_of
from tests.review.reviewer import Reviewer, binary, painted
from tests.tiny import REPOSITORY, slice_of, write_project

pytestmark = pytest.mark.review

CODE = ("datasets", "stages", "qa", "training", "pipeline")
FRAMES = 20


def run(root: Path, *command: str, **environment: str) -> str:
    scripts = Path(sys.executable).parent
    path = f"{scripts}{os.pathsep}{os.environ['PATH']}"
    variables = os.environ | {"PATH": path, "PYTHONPATH": str(root)} | environment
    done = subprocess.run(
        [str(scripts / command[0]), *command[1:]], cwd=root, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout + done.stderr


@pytest.fixture
def root(tmp_path: Path, asset) -> Path:
    """Three seconds of a talking head, every label of which is called doubtful, and a tiny training."""
    root = tmp_path / "project"
    for folder in CODE:
        shutil.copytree(REPOSITORY / folder, root / folder, ignore=shutil.ignore_patterns("__pycache__"))
    write_project(root, asset("cap12"))
    slice_of(asset("cap12"), root / "data" / "raw" / "desk.mp4", start=0, count=75)
    params = yaml.safe_load((root / "params.yaml").read_text())
    params["pipeline"]["runner"] = "local"
    params["ingest"] |= {"burst_frames": 8, "longest_side": 400}  # frames are stored at their size in the source
    params["score"]["doubtful_below"] = 1.0
    (root / "params.yaml").write_text(yaml.safe_dump(params))
    run(root, "dvc", "init", "--no-scm", "-q")
    run(root, "dvc", "config", "core.analytics", "false")
    run(root, "dvc", "repro", "export")
    return root


def curated(root: Path) -> Mapping[tuple[str, int], CuratedRow]:
    shards = sorted((root / "data" / "curate").glob("*-*.parquet"))
    return {row.frame_key: row for shard in shards for row in read_rows(shard, CuratedRow)}


def test_decisions_become_gold_and_the_student_is_trained_again(root: Path, access, studio: Studio, title: str):
    server = {URL: access.url, TOKEN: access.token, SERVED: access.served}
    before = {stage: read_manifest(root / "data" / stage / "manifest.parquet") for stage in ("curate", "score")}
    student = file_digest(root / "data" / "train" / "student.safetensors")
    split = {source: row.split for (source, _), row in curated(root).items()}
    said = run(root, "autoroto", "review", "push", "--project", title, "--limit", str(FRAMES), **server)
    assert f"{FRAMES} tasks created" in said
    wanted: dict[tuple[str, int], np.ndarray | None] = {}
    with Reviewer(access, studio, title) as reviewer:
        for index, task in enumerate(reviewer.tasks()):
            key, shown = key_of(task["data"]), reviewer.shown(task)
            verdict = ("accept", "fix", "fix", "reject")[index % 4]
            if verdict == "reject" and split.get(key[0]) != "train":
                verdict = "accept"  # of one small clip: without it there would be nothing to validate on
            height, width = shown.shape
            mask = painted(shown, (5, 5, width // 4, height // 4)) if verdict == "fix" else shown
            reviewer.submit(task, verdict, None if verdict == "reject" else mask)
            wanted[key] = None if verdict == "reject" else mask
    assert any(mask is None for mask in wanted.values())
    said = run(root, "autoroto", "review", "pull", "--project", title, **server)
    assert f"{FRAMES} new decisions" in said
    run(root, "dvc", "repro", "export")
    rows = curated(root)
    for key, mask in wanted.items():
        if mask is None:
            assert key not in rows
            continue
        assert (rows[key].group, rows[key].label_source) == ("gold", "reviewed")
        assert (binary(decode_grey(rows[key].alpha)) == mask).all()  # the frame is stored at the source's size
    assert read_manifest(root / "data" / "score" / "manifest.parquet") == before["score"]
    assert read_manifest(root / "data" / "curate" / "manifest.parquet") != before["curate"]
    assert file_digest(root / "data" / "train" / "student.safetensors") != student
    again = run(root, "autoroto", "review", "pull", "--project", title, **server)
    assert "0 new decisions" in again
    assert "up to date" in run(root, "dvc", "repro", "export")
