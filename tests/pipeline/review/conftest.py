"""A drawn project, and a Label Studio that is a table in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.review.access import SERVED, TOKEN, URL, Access
from pipeline.review.client import Studio
from tests.pipeline.review.fake_label_studio import FakeLabelStudio, running
from tests.review.drawn import draw_project

Command = Callable[..., tuple[int, str]]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """24 frames, all doubtful."""
    return draw_project(tmp_path / "project")


@pytest.fixture
def fake() -> FakeLabelStudio:
    return FakeLabelStudio()


@pytest.fixture
def access(fake: FakeLabelStudio, tmp_path: Path) -> Iterator[Access]:
    (tmp_path / "served").mkdir()
    with running(fake, str(tmp_path / "served")) as access:
        yield access


@pytest.fixture
def studio(access: Access) -> Iterator[Studio]:
    with Studio(access) as studio:
        yield studio


@pytest.fixture
def review(project: Path, access: Access, monkeypatch: pytest.MonkeyPatch) -> Command:
    """`review("push", "--limit", "3")`: exit code and words of a command of the command line."""
    monkeypatch.setenv(URL, access.url)
    monkeypatch.setenv(TOKEN, access.token)
    monkeypatch.setenv(SERVED, access.served)
    monkeypatch.chdir(project)

    def run(*command: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, ["review", *command])
        error = f" {done.exception}" if done.exception else ""
        return done.exit_code, " ".join((done.output + error).split())

    return run
