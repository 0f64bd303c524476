from __future__ import annotations

import dataclasses

import httpx
import pytest

from pipeline.review.client import Missing, Studio, StudioError, _PersonalToken
from pipeline.review.server import free_port


def test_who_and_what_answers(studio: Studio):
    assert (studio.version(), studio.user()) == ("1.23.2", "eve@example.com")
    assert studio.picture("/data/local-files/?d=a.jpg") == 200


def test_what_is_not_there_is_missing(studio: Studio):
    with pytest.raises(Missing, match="has no /api/tasks/77: it was deleted there"):
        studio.task(77)


def test_a_wrong_token_and_a_wrong_address_say_what_to_correct(access):
    with (
        Studio(dataclasses.replace(access, token="wrong")) as studio,
        pytest.raises(StudioError, match="refuses the token"),
    ):
        studio.user()
    elsewhere = dataclasses.replace(access, url=f"http://127.0.0.1:{free_port()}")
    with Studio(elsewhere) as studio, pytest.raises(StudioError, match="no Label Studio answers"):
        studio.user()


def test_all_pages_are_read(studio: Studio, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("pipeline.review.client.PAGE", 2)
    project = studio.create_project(title="t")["id"]
    studio.import_tasks(project, [{"data": {"key": str(index)}} for index in range(5)])
    assert [task["data"]["key"] for task in studio.tasks(project)] == list("01234")


def test_setting_a_prediction_twice_leaves_one(studio: Studio, fake):
    project = studio.create_project(title="t")["id"]
    studio.import_tasks(project, [{"data": {}, "predictions": [{"score": 1}, {"score": 2}]}])
    (task,) = studio.tasks(project)
    for score in (3, 4):
        studio.set_prediction(task["id"], {"score": score})
    assert [row["score"] for row in studio.predictions(task["id"])] == [4]
    studio.import_tasks(project, [{"data": {}}])
    *_, bare = studio.tasks(project)
    studio.set_prediction(bare["id"], {"score": 5})
    assert [row["score"] for row in studio.predictions(bare["id"])] == [5]


def test_a_snapshot_leaves_nothing_behind_on_the_server(studio: Studio, fake):
    project = studio.create_project(title="t")["id"]
    studio.import_tasks(project, [{"data": {"key": str(index)}} for index in range(3)])
    chosen = [task["id"] for task in studio.tasks(project)][1:]
    assert [task["data"]["key"] for task in studio.snapshot(project, chosen)] == ["1", "2"]
    assert not fake.tables["views"] and not fake.tables["exports"]


def test_a_personal_access_token_buys_short_lived_ones():
    seen: list[str] = []

    def server(request: httpx.Request) -> httpx.Response:
        seen.append(f"{request.url.path} {request.headers.get('Authorization', '-')}")
        if request.url.path == "/api/token/refresh":
            return httpx.Response(200, json={"access": "fresh"})
        return httpx.Response(200 if request.headers["Authorization"] == "Bearer fresh" else 401)

    with httpx.Client(transport=httpx.MockTransport(server), auth=_PersonalToken("a.b.c"), base_url="http://x") as http:
        assert http.get("/api/tasks").status_code == 200
        assert http.get("/api/tasks").status_code == 200
    assert seen == [
        "/api/tasks Bearer ", "/api/token/refresh -", "/api/tasks Bearer fresh", "/api/tasks Bearer fresh",
    ]  # fmt: skip
