from __future__ import annotations

import numpy as np

from pipeline.review.project import the_project
from tests.review.drawn import relabel


def test_tasks_are_made_once_and_updated_when_their_label_changes(review, studio, fake, project):
    assert review("push", "--limit", "5") == (0, "5 tasks created, 0 updated, 0 unchanged")
    assert review("push", "--limit", "5") == (0, "0 tasks created, 0 updated, 5 unchanged")
    first, second, *_ = fake.tables["tasks"].values()
    fake.submit(second["id"], [])
    times = {int(task["data"]["key"].rpartition(":")[2]) for task in (first, second)}
    shown = [row["result"] for row in studio.predictions(first["id"])]
    relabel(project, times, lambda alpha: np.roll(alpha, 9, axis=1))
    assert review("push", "--limit", "5") == (
        0, "0 tasks created, 1 updated, 3 unchanged, 1 kept as people have worked on them",
    )  # fmt: skip
    assert [row["result"] for row in studio.predictions(first["id"])] != shown


def test_the_project_is_set_up_once_and_mended(review, studio, fake, access):
    review("push", "--limit", "1")
    project = the_project(studio, "autoroto")
    assert len(fake.tables["projects"]) == len(fake.tables["localfiles"]) == len(fake.tables["views"]) == 1
    (storage,) = fake.tables["localfiles"].values()
    assert storage["path"] == f"{access.served}/autoroto"
    fake.tables["projects"][project.id]["label_config"] = "<View/>"
    fake.tables["localfiles"].clear()
    review("push", "--limit", "1")
    assert "verdict" in fake.tables["projects"][project.id]["label_config"]
    assert len(fake.tables["localfiles"]) == 1 and the_project(studio, "autoroto") == project


def test_doubled_tasks_and_gone_frames(review, fake):
    review("push", "--limit", "3")
    one, two, three = list(fake.tables["tasks"].values())
    fake.answer("POST", f"/api/projects/{one['project']}/import", {}, [{"data": one["data"]}])
    two["data"] = two["data"] | {"key": "gone:0"}
    code, said = review("push", "--limit", "3")
    assert code == 0 and "1 tasks created" in said and "1 doubled ones removed" in said
    assert "1 of frames that are no longer in the data" in said
    assert {one["id"], two["id"], three["id"]} < fake.tables["tasks"].keys()


def test_a_project_of_that_title_that_is_not_ours(review, studio):
    studio.create_project(title="autoroto")
    code, said = review("push")
    assert code == 1 and "choose another title with --project" in said
