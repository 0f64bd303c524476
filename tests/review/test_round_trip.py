"""Push, review, pull against a real Label Studio: nothing lost, nothing doubled, every pixel as it was painted."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from datasets.faults import KILL
from datasets.images import decode_grey
from datasets.reviews import Decision, label_digest, latest, read_decisions
from datasets.shards import file_digest
from pipeline.review.client import Studio
from pipeline.review.tasks import key_of
from qa.curate import REVIEWS
from qa.review_masks import shown_mask
from tests.review.drawn import labels, relabel
from tests.review.reviewer import Reviewer, binary, painted

pytestmark = pytest.mark.review

BOX, INSIDE = (40, 20, 75, 60), (105, 120, 140, 160)
"""Of the picture: a part without the person, and one of the body, in every frame."""


def decisions(project: Path) -> Mapping[tuple[str, int], Decision]:
    return latest(read_decisions(project / REVIEWS))


def files(project: Path) -> dict[str, str]:
    return {path.name: file_digest(path) for path in (project / REVIEWS).glob("*")}


def listing(studio: Studio, project: int) -> list[tuple[int, str, str]]:
    return [(task["id"], task["updated_at"], task["data"]["label"]) for task in studio.tasks(project)]


def test_twenty_frames_there_and_back(project, push, pull, reviewer: Reviewer, studio: Studio):
    assert push().created == 20
    tasks, fused = reviewer.tasks(), labels(project)
    gains = [task["data"]["gain"] for task in tasks]
    assert gains == sorted(gains, reverse=True)  # worst first
    wanted: dict[tuple[str, int], tuple[str, np.ndarray | None]] = {}
    for index, task in enumerate(tasks):
        key, shown = key_of(task["data"]), reviewer.shown(task)
        assert (shown == shown_mask(fused[key], 320, 180)).all()
        verdict = ("accept", "fix", "fix", "reject")[index % 4]
        mask = shown
        if verdict == "fix":
            mask = painted(shown, BOX) if index % 4 == 1 else painted(shown, INSIDE, value=False)
        reviewer.submit(task, verdict, None if verdict == "reject" else mask)
        wanted[key] = verdict, mask
    done = pull()
    assert (done.decisions, done.unclear, done.hard) == ({"accept": 5, "fix": 10, "reject": 5}, [], 0)
    found = decisions(project)
    assert {key: decision.verdict for key, decision in found.items()} == {key: v for key, (v, _) in wanted.items()}
    for key, (verdict, mask) in wanted.items():
        if verdict == "reject":
            assert found[key].mask == b""
        else:
            decided = decode_grey(found[key].mask)
            assert (binary(decided) == mask).all()  # every pixel
            untouched = decided[:, 200:]
            assert (untouched == fused[key][:, 200:]).all()  # far from the stroke the label's softness is back
        assert found[key].label == label_digest_of(project, key)
        assert found[key].reviewer.endswith("@example.com") and found[key].seconds == 12.5
    before, listed = files(project), listing(studio, reviewer.project)
    again = pull()
    assert (again.decisions.total(), again.files) == (0, [])
    pushed = push()
    assert pushed.updated == pushed.kept == pushed.doubled == 0
    assert pushed.created == 4  # the other four frames; those decided on are asked about no more
    assert files(project) == before
    assert [row for row in listing(studio, reviewer.project) if row[0] <= listed[-1][0]] == listed
    assert push().sentence() == "0 tasks created, 0 updated, 24 unchanged"


def label_digest_of(project: Path, key: tuple[str, int]) -> str:
    from datasets.schema import LabelRow
    from tests.review.drawn import rows_of

    return next(
        label_digest(r.alpha) for r in rows_of(project, "fuse") if isinstance(r, LabelRow) and r.frame_key == key
    )


def test_a_new_label_updates_its_task_unless_somebody_has_worked_on_it(project, push, pull, reviewer, studio):
    push(24)
    tasks = reviewer.by_key()
    (open_one, begun, passed, done, *_) = sorted(tasks)
    reviewer.draft(tasks[begun], [])
    reviewer.send(tasks[passed], [], was_cancelled=True)
    shown = reviewer.shown(tasks[done])
    reviewer.submit(tasks[done], "accept", shown)
    relabel(project, {open_one[1], begun[1], passed[1], done[1]}, lambda alpha: np.roll(alpha, 9, axis=1))
    pushed = push(24)
    assert (pushed.updated, pushed.kept, pushed.created) == (1, 3, 0)
    now = reviewer.by_key()
    assert (reviewer.shown(now[open_one]) == binary(labels(project)[open_one])).all()
    assert now[done]["data"]["label"] == tasks[done]["data"]["label"]
    assert push(24).sentence() == "0 tasks created, 0 updated, 21 unchanged, 3 kept as people have worked on them"
    # what was accepted is the label that was shown, not the one of today
    pull()
    decision = decisions(project)[done]
    assert decision.verdict == "accept"
    assert (binary(decode_grey(decision.mask)) == shown).all()


def test_a_decision_that_is_changed_is_a_new_row(project, push, pull, reviewer):
    push(4)
    task = reviewer.tasks()[0]
    annotation = reviewer.submit(task, "reject")
    assert pull().decisions == {"reject": 1}
    first = files(project)
    mask = painted(reviewer.shown(task), BOX)
    reviewer.change(annotation, regions("fix", mask))
    assert pull().decisions == {"fix": 1}
    assert first.items() < files(project).items()  # only ever added
    assert (binary(decode_grey(decisions(project)[key_of(task["data"])].mask)) == mask).all()
    assert pull().decisions.total() == 0


def regions(verdict: str, mask: np.ndarray) -> list[dict]:
    from pipeline.review.interface import verdict_region
    from pipeline.review.regions import brush_of, brush_region

    return [verdict_region(verdict), brush_region(brush_of(mask), mask.shape[1], mask.shape[0])]


def test_two_reviewers_who_disagree_are_two_rows(project, push, pull, reviewer, environment, monkeypatch):
    from typer.testing import CliRunner

    from pipeline.cli import app

    push(4)
    task, other = reviewer.tasks()[:2]
    email = f"{reviewer.project}@example.com"
    second = reviewer.invite(email)
    shown = reviewer.shown(task)
    reviewer.submit(task, "accept", shown)
    reviewer.submit(task, "reject", completed_by=second)
    for user in ({}, {"completed_by": second}):
        reviewer.submit(other, "accept", reviewer.shown(other), **user)
    monkeypatch.chdir(project)
    title = reviewer._title
    said = CliRunner().invoke(app, ["review", "pull", "--project", title])
    assert said.exit_code == 0, said.output
    assert "4 new decisions (3 accept, 1 reject)" in said.output
    assert f"{email} reject; the latter counts" in " ".join(said.output.split())
    rows = [row for row in read_decisions(project / REVIEWS) if row.key == key_of(task["data"])]
    assert [row.verdict for row in rows] == ["accept", "reject"]
    said = CliRunner().invoke(app, ["review", "status", "--project", title])
    words = " ".join(said.output.split())
    assert "2 of 4 tasks have a submitted annotation, 0 were skipped" in words
    assert "Two reviewers looked at 2 frames and agree on 1, mean IoU of their masks 1.000" in words
    assert "Labels expected to be bad" in words and "of 24" in words


@pytest.mark.parametrize("point", ["review.pulled:1", "reviews.temporary:2", "reviews.renamed:1"])
def test_a_pull_killed_half_way_goes_on(point, project, push, pull, reviewer, environment, monkeypatch):
    monkeypatch.setattr("pipeline.review.pull.BATCH", 3)
    push(8)
    masks = {}
    for task in reviewer.tasks():
        masks[key_of(task["data"])] = painted(reviewer.shown(task), BOX)
        reviewer.submit(task, "fix", masks[key_of(task["data"])])
    assert killed(project, reviewer, point, "pull") == -9
    assert len(files(project)) - len(list((project / REVIEWS).glob(".*"))) == 1
    pull()
    rows = read_decisions(project / REVIEWS)
    assert len(rows) == len({row.provenance for row in rows}) == 8  # none lost, none doubled
    for row in rows:
        assert (binary(decode_grey(row.mask)) == masks[row.key]).all()


@pytest.mark.parametrize("point", ["review.uploaded:1", "review.uploaded:2"])
def test_a_push_killed_half_way_goes_on(point, project, push, reviewer, environment, monkeypatch):
    assert killed(project, reviewer, point, "push") == -9
    before = len(reviewer.tasks())
    assert before == 3 * int(point[-1])
    assert push(8).created == 8 - before
    assert len(reviewer.by_key()) == len(reviewer.tasks()) == 8


def test_an_update_killed_half_way_is_done_again(project, push, reviewer, environment):
    push(8)
    relabel(project, {key[1] for key in reviewer.by_key()}, lambda alpha: np.roll(alpha, 9, axis=1))
    assert killed(project, reviewer, "review.prediction:2", "push") == -9
    assert push(8).updated == 7  # one was finished
    fused = labels(project)
    for key, task in reviewer.by_key().items():
        assert (reviewer.shown(task) == binary(fused[key])).all()  # and there is one pre-annotation only
        assert task["data"]["label"] == label_digest_of(project, key)
    assert push(8).unchanged == 8


def killed(project: Path, reviewer: Reviewer, point: str, command: str) -> int:
    """Run a command of the command line with batches of three that dies at a fault point; its exit code."""
    code = (
        "import sys, pipeline.review.pull as pull, pipeline.review.push as push; pull.BATCH = push.BATCH = 3; "
        "from pipeline.cli import app; app(sys.argv[1:])"
    )
    arguments = ["review", command, "--project", reviewer._title, *(["--limit", "8"] if command == "push" else [])]
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=project, env=os.environ | {KILL: point}, check=False
    ).returncode


def test_what_a_broken_upload_left_twice_is_taken_away(project, push, pull, reviewer, studio):
    push(6)
    tasks = reviewer.tasks()
    copies = [{"data": task["data"], "predictions": []} for task in tasks[:3]]
    studio.import_tasks(reviewer.project, copies)
    twins = [task for task in reviewer.tasks() if task["id"] > tasks[-1]["id"]]
    reviewer.submit(twins[0], "reject")  # somebody has worked on a copy already: that one stays
    pushed = push(6)
    assert (pushed.doubled, pushed.created) == (3, 0)
    left = {task["id"] for task in reviewer.tasks()}
    assert twins[0]["id"] in left and tasks[0]["id"] not in left and len(left) == 6
    assert pull().decisions == {"reject": 1}


def test_a_pull_on_a_machine_without_the_labels_has_the_mask_all_the_same(
    project, push, reviewer, studio, title, tmp_path
):
    from pipeline.review.pull import Pull

    push(2)
    task, other = reviewer.tasks()
    shown = reviewer.shown(task)
    reviewer.submit(task, "accept", shown)
    reviewer.submit(other, "fix", painted(reviewer.shown(other), BOX))
    elsewhere = tmp_path / "elsewhere"
    done = Pull(elsewhere, studio, title).run()
    assert (done.decisions, done.hard) == ({"accept": 1, "fix": 1}, 2)
    row = latest(read_decisions(elsewhere / REVIEWS))[key_of(task["data"])]
    assert (decode_grey(row.mask) == shown * np.uint8(255)).all()
