"""One Label Studio for all tests, on a free port, with an empty database; and a reviewer who works through its API."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.params import load_params
from pipeline.review.access import SERVED, TOKEN, URL, Access, read_access
from pipeline.review.client import Studio
from pipeline.review.pull import Pull, Pulled
from pipeline.review.push import Push, Pushed
from pipeline.review.server import INSTALLED, label_studio
from tests.review.drawn import draw_project
from tests.review.reviewer import Reviewer
from tests.tiny import REPOSITORY

RUNNING = "AUTOROTO_TEST_REVIEW_ROOT"
"""Environment variable: the root of a project whose `review serve --assist` runs: none is started for the tests."""


@pytest.fixture(scope="session")
def access(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Access]:
    """A running Label Studio."""
    if RUNNING in os.environ:
        yield read_access(Path(os.environ[RUNNING]))
        return
    program = REPOSITORY / INSTALLED
    if not program.exists() and "CI" not in os.environ:
        pytest.skip(f"{program} is missing: run `make review`")
    with label_studio(tmp_path_factory.mktemp("server"), port=0, assisted=True, program=program) as (access, _):
        yield access


@pytest.fixture(scope="session")
def studio(access: Access) -> Iterator[Studio]:
    with Studio(access) as studio:
        yield studio


@pytest.fixture
def title(request: pytest.FixtureRequest) -> str:
    """A project of Label Studio for each test."""
    return f"{request.node.name[:36]} {secrets.token_hex(4)}"


@pytest.fixture
def environment(access: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    """The running server as one that was there before."""
    monkeypatch.setenv(URL, access.url)
    monkeypatch.setenv(TOKEN, access.token)
    monkeypatch.setenv(SERVED, access.served)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """24 frames, all doubtful."""
    return draw_project(tmp_path / "project")


@pytest.fixture
def push(access: Access, studio: Studio, title: str, project: Path) -> Callable[..., Pushed]:
    """`push(limit=20, audit=False)`."""

    def run(limit: int = 20, *, audit: bool = False) -> Pushed:
        return Push(project, load_params(project / "params.yaml"), access, studio, title, limit, audit).run()

    return run


@pytest.fixture
def pull(studio: Studio, title: str, project: Path) -> Callable[..., Pulled]:
    """`pull(everything=False)`."""
    return lambda everything=False: Pull(project, studio, title, everything).run()


@pytest.fixture
def reviewer(access: Access, studio: Studio, title: str) -> Iterator[Reviewer]:
    with Reviewer(access, studio, title) as reviewer:
        yield reviewer
