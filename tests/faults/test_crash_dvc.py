"""The driver of every stage killed under `dvc repro`, with its workers on one standing Ray."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from datasets.faults import KILL
from pipeline.ray_head import local_ray
from tests.faults.conftest import FaultyProject, repeatable

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

KILLS = {
    "fetch": "fetch.renamed:2", "ingest": "publish.begun:1", "detect": "publish.cleared:1", "vote": "link.temporary:3",
    "fuse": "link.renamed:1", "score": "publish.linked:1", "curate": "weights.temporary:1",
    "plate": "write.temporary:1", "synthesize": "write.renamed:1", "train": "checkpoint.renamed:2",
    "evaluate": "commit.placed:2", "export": "commit.receipt:1", "report": "write.temporary:1",
}  # fmt: skip
"""One point a stage that its driver passes."""


@pytest.fixture(scope="module")
def project(faulty: FaultyProject, tmp_path_factory: pytest.TempPathFactory) -> FaultyProject:
    """A copy of the tiny project that DVC knows, with nothing to do."""
    copy = FaultyProject(tmp_path_factory.mktemp("dvc") / "project")
    shutil.copytree(faulty.root, copy.root)
    for package in ("datasets", "stages", "qa", "training"):
        shutil.copytree(Path.cwd() / package, copy.root / package, ignore=shutil.ignore_patterns("__pycache__"))
    for command in (("init", "--no-scm", "-q"), ("config", "cache.type", "hardlink,copy"), ("repro", "-q")):
        assert dvc(copy, *command).returncode == 0
    return copy


@pytest.fixture(scope="module")
def ray(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    with local_ray(tmp_path_factory.mktemp("ray") / "ray.log") as environment:
        yield environment


def dvc(project: FaultyProject, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    scripts = Path(sys.executable).parent
    path = f"{scripts}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        [str(scripts / "dvc"), *arguments],
        cwd=project.root, env=os.environ | {"PATH": path} | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("stage", KILLS)
def test_dvc_goes_on_where_a_killed_driver_was(
    stage: str, project: FaultyProject, faulty: FaultyProject, ray: dict[str, str], record_property
) -> None:
    expected = repeatable(faulty.bytes_of(stage))
    project.forget(stage)
    killed = dvc(project, "repro", "--single-item", "--no-run-cache", "--force", stage, **ray, **{KILL: KILLS[stage]})
    assert killed.returncode != 0, killed.stdout + killed.stderr
    again = dvc(project, "repro", **ray)
    assert again.returncode == 0, again.stdout + again.stderr
    assert repeatable(project.bytes_of(stage)) == expected
    assert "Data and pipelines are up to date" in dvc(project, "status").stdout
    record_property("drivers killed", 1)
    record_property("bytes compared", project.size_of(stage))
