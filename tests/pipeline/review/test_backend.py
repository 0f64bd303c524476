"""The assistant and the projects: connected once, anew after every start, forgotten where it is gone."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.assist import NAME, Assistant
from pipeline.params import load_params
from pipeline.review.access import FOLDER, Access, ReviewSetupError, write_secrets
from pipeline.review.backend import KEPT, Backend, assisting, connect, connected, find_backend
from pipeline.review.client import Studio, StudioError
from pipeline.review.project import reconnect
from pipeline.review.push import Push
from pipeline.review.regions import NOT_PERSON
from pipeline.review.server import free_port
from tests.pipeline.review.fake_label_studio import FakeLabelStudio


@pytest.fixture
def push(project: Path, access: Access, studio: Studio) -> Callable[..., None]:
    """Push one task to a Label Studio of one's own."""

    def run(*, own: bool = True) -> None:
        known = dataclasses.replace(access, password="secret" if own else "")
        Push(project, load_params(project / "params.yaml"), known, studio, "autoroto", 1, False).run()

    return run


def interface(fake: FakeLabelStudio) -> str:
    (project,) = fake.tables["projects"].values()
    return str(project["label_config"])


def test_it_is_written_down_for_its_owner_alone_while_it_runs(tmp_path: Path):
    assert find_backend(tmp_path) is None
    with assisting(tmp_path, Assistant(tmp_path)) as backend:
        assert find_backend(tmp_path) == backend and len(backend.password) >= 20
        assert (tmp_path / FOLDER / KEPT).stat().st_mode & 0o777 == 0o600
        assert backend.password not in repr(backend)
    assert find_backend(tmp_path) is None and not (tmp_path / FOLDER / KEPT).exists()


def test_what_a_killed_server_left_behind_is_no_assistant(tmp_path: Path):
    write_secrets(tmp_path, KEPT, {"url": f"http://127.0.0.1:{free_port()}", "password": "x"})
    assert find_backend(tmp_path) is None
    path = write_secrets(tmp_path, KEPT, {"other": "x"})
    with pytest.raises(ReviewSetupError, match=rf"{KEPT} is damaged .* remove it"):
        find_backend(path.parents[2])


def test_a_push_after_the_start_connects_it_once(project: Path, push, fake: FakeLabelStudio):
    with assisting(project, Assistant(project)) as backend:
        for _ in range(2):
            push()
        (known,) = fake.tables["ml"].values()
        assert (known["title"], known["url"], known["is_interactive"]) == (NAME, backend.url, True)
        assert known["auth_method"] == "BASIC_AUTH" and known["basic_auth_pass"] == backend.password
        assert NOT_PERSON in interface(fake) and "smart" in interface(fake)
        sent = [request for request in fake.requests if request.startswith(("POST /api/ml", "PATCH /api/ml"))]
        assert sent == ["POST /api/ml"]
        first = next(place for place, one in enumerate(fake.requests) if one == "POST /api/projects")
        assert first < fake.requests.index("POST /api/ml")  # the project has its model version by then
    push()
    assert fake.tables["ml"] == {}
    assert NOT_PERSON in interface(fake)  # Label Studio would refuse to drop it once it is used


def test_a_start_after_the_push_connects_every_project(project: Path, push, studio: Studio, fake: FakeLabelStudio):
    push()
    assert NOT_PERSON not in interface(fake) and fake.tables["ml"] == {}
    studio.create_project(title="somebody else's", label_config="<View/>")
    with assisting(project, Assistant(project)) as backend:
        assert reconnect(studio, backend) == 1
        (known,) = fake.tables["ml"].values()
        ours = next(iter(fake.tables["projects"]))
        assert known["project"] == ours and NOT_PERSON in fake.tables["projects"][ours]["label_config"]
    with assisting(project, Assistant(project)) as backend:  # on another port, with another password
        reconnect(studio, backend)
        (again,) = fake.tables["ml"].values()
        assert again["id"] == known["id"]
        assert (again["url"], again["basic_auth_pass"]) == (backend.url, backend.password)
    assert reconnect(studio, None) == 1 and fake.tables["ml"] == {}


def test_doubled_and_dead_ones_are_mended_and_those_of_others_stay(studio: Studio, fake: FakeLabelStudio):
    backend = Backend("http://127.0.0.1:9", "secret")
    fake.answer("POST", "/api/ml", {}, {"project": 3, "title": "somebody else's", "url": "http://127.0.0.1:7"})
    connect(studio, 3, backend)
    (_, ours) = fake.tables["ml"].values()
    fake.answer("POST", "/api/ml", {}, {name: value for name, value in ours.items() if name != "id"})
    connect(studio, 3, backend)
    assert len(fake.tables["ml"]) == 2 and connected(studio, 3) is True
    fake.tables["ml"][ours["id"]]["state"] = "DI"
    assert connected(studio, 3) is False
    connect(studio, 3, backend)
    assert connected(studio, 3) is True
    connect(studio, 3, None)
    assert connected(studio, 3) is None
    assert [one["title"] for one in fake.tables["ml"].values()] == ["somebody else's"]


def test_one_that_is_not_taken_is_an_error(studio: Studio, fake: FakeLabelStudio):
    fake.reaches_backends = False
    with pytest.raises(StudioError, match=r"does not take the assistant at http://127.0.0.1:9"):
        connect(studio, 3, Backend("http://127.0.0.1:9", "secret"))


def test_a_label_studio_that_was_there_before_keeps_its_backends(project: Path, push, fake: FakeLabelStudio):
    with assisting(project, Assistant(project)):
        push(own=False)
    assert not any(request.endswith("/api/ml") for request in fake.requests)
    assert NOT_PERSON not in interface(fake)


def test_the_doctor_names_a_dead_one(project: Path, push, review, fake: FakeLabelStudio):
    with assisting(project, Assistant(project)):
        push()
        assert "its assistant answers" in review("doctor")[1]
    next(iter(fake.tables["ml"].values()))["state"] = "DI"
    code, said = review("doctor")
    assert code == 1 and "its assistant does not answer" in said and "--assist" in said
