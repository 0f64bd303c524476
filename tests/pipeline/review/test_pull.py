from __future__ import annotations

import json

import numpy as np

from datasets.images import decode_grey
from datasets.reviews import read_decisions
from pipeline.review.interface import verdict_region
from pipeline.review.pull import UNCLEAR
from pipeline.review.regions import brush_of, brush_region, painted_mask
from qa.curate import REVIEWS


def mask_of(studio, task) -> np.ndarray:
    (row,) = studio.predictions(task["id"])
    return painted_mask(row["result"], 320, 180)


def said_with(verdict: str, mask: np.ndarray) -> list[dict]:
    return [verdict_region(verdict), brush_region(brush_of(mask), mask.shape[1], mask.shape[0])]


def test_decisions_come_once_and_changed_ones_again(review, studio, fake, project):
    review("push", "--limit", "4")
    one, two, three, four = fake.tables["tasks"].values()
    painted = mask_of(studio, two) | (np.indices((180, 320)).sum(axis=0) < 40)
    fake.submit(one["id"], said_with("accept", mask_of(studio, one)))
    fake.submit(two["id"], said_with("fix", painted))
    last = fake.submit(three["id"], [verdict_region("reject")])
    fake.submit(four["id"], [], skip=True)
    code, said = review("pull")
    assert code == 0 and "3 new decisions (1 accept, 1 fix, 1 reject), 1 skipped by reviewers" in said
    rows = {row.verdict: row for row in read_decisions(project / REVIEWS)}
    assert ((decode_grey(rows["fix"].mask) > 127) == painted).all()
    assert rows["fix"].seconds == 9.0 and rows["fix"].reviewer == "eve@example.com"
    assert review("pull")[1].startswith("0 new decisions")
    fake.change(last, said_with("accept", mask_of(studio, three)))
    assert "1 new decisions (1 accept)" in review("pull")[1]
    assert len(read_decisions(project / REVIEWS)) == 4


def test_only_what_changed_is_asked_for(review, fake):
    review("push", "--limit", "24")
    tasks = list(fake.tables["tasks"].values())
    for task in tasks[:20]:
        fake.submit(task["id"], [verdict_region("reject")])  # a minute apart
    review("pull")
    fake.submit(tasks[20]["id"], [verdict_region("reject")])
    fake.requests.clear()
    exported: list[int] = []
    original = fake._download

    def download(one, query, body):
        status, rows = original(one, query=query, body=body)
        exported.extend(row["id"] for row in rows)
        return status, rows

    fake._download = download
    assert "1 new decisions" in review("pull")[1]
    assert tasks[20]["id"] in exported and len(exported) < 6  # and the last two minutes, to be safe
    exported.clear()
    assert "0 new decisions" in review("pull", "--all")[1] and len(exported) == 21


def test_a_change_while_a_pull_runs_does_not_hide_what_a_broken_pull_left(review, fake, project, monkeypatch):
    monkeypatch.setattr("pipeline.review.pull.BATCH", 2)
    review("push", "--limit", "4")
    tasks = list(fake.tables["tasks"].values())
    first, *_ = [fake.submit(task["id"], [verdict_region("reject")]) for task in tasks]
    original = fake._download

    def changed_and_broken(one, query, body):
        if fake.requests.count(f"POST /api/projects/{tasks[0]['project']}/exports") > 1:
            return 500, {"detail": "no space left"}
        for _ in range(9):  # a minute each
            fake.change(first, [verdict_region("reject")])
        return original(one, query=query, body=body)

    fake._download = changed_and_broken
    code, said = review("pull")
    assert code == 1 and "no space left" in said
    assert len(read_decisions(project / REVIEWS)) == 1  # of the first two, the one that stayed as it was listed
    fake._download = original
    assert "3 new decisions (3 reject)" in review("pull")[1]
    assert "0 new decisions" in review("pull", "--all")[1]  # nothing was passed over


def test_what_is_unclear_is_named_until_it_is_mended_or_gone(review, studio, fake, project):
    review("push", "--limit", "3")
    one, two, three = fake.tables["tasks"].values()
    first, second = fake.submit(one["id"], []), fake.submit(two["id"], [verdict_region("fix")])
    for _ in range(2):
        code, said = review("pull")
        assert code == 0 and "2 unclear" in said and "there is no mask" in said
    fake.submit(three["id"], [verdict_region("reject")])
    assert "1 new decisions (1 reject), 2 unclear" in review("pull")[1]
    fake.change(first, [verdict_region("reject")])
    fake.answer("DELETE", f"/api/tasks/{two['id']}", {}, None)
    assert second in fake.tables["annotations"]
    assert "1 new decisions (1 reject)" in review("pull")[1]
    assert list(json.loads((project / UNCLEAR).read_text()).values()) == [[]]
    (project / UNCLEAR).write_text("damaged")
    assert "0 new decisions" in review("pull")[1]


def test_two_people_who_disagree_are_named(review, fake, studio):
    review("push", "--limit", "1")
    (task,) = fake.tables["tasks"].values()
    fake.submit(task["id"], said_with("accept", mask_of(studio, task)))
    fake.submit(task["id"], [verdict_region("reject")], reviewer="bob@example.com")
    code, said = review("pull")
    assert code == 0 and "eve@example.com says accept, bob@example.com reject; the latter counts" in said


def test_tasks_whose_data_somebody_changed(review, fake):
    review("push", "--limit", "1")
    (task,) = fake.tables["tasks"].values()
    del task["data"]["width"]
    fake.submit(task["id"], [verdict_region("reject")])
    assert "the task's data were changed" in review("pull")[1]


def test_without_a_project(review):
    code, said = review("pull")
    assert code == 1 and "`autoroto review push` makes it" in said
