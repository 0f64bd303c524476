"""What may be wrong with a server or an annotation: a clear message or a recovery, and no decision lost or doubled."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from datasets.reviews import read_decisions
from pipeline.cli import app
from pipeline.params import load_params
from pipeline.review.access import TOKEN, URL
from pipeline.review.client import Studio, StudioError
from pipeline.review.interface import verdict_region
from pipeline.review.pull import Pull
from pipeline.review.push import Push
from pipeline.review.regions import brush_of, brush_region
from pipeline.review.server import free_port
from qa.curate import REVIEWS
from tests.review.drawn import labels
from tests.review.reviewer import painted

pytestmark = pytest.mark.review

BOX = (40, 20, 75, 60)


def said_by(project: Path, monkeypatch: pytest.MonkeyPatch, *command: str) -> tuple[int, str]:
    """Exit code and words of `autoroto review ...`, as `pipeline.cli.main` shows them."""
    monkeypatch.chdir(project)
    done = CliRunner().invoke(app, ["review", *command])
    error = f" {done.exception}" if done.exception else ""
    return done.exit_code, " ".join((done.output + error).split())


@pytest.mark.parametrize("command", ["push", "pull"])
def test_a_server_that_is_down(command, project, environment, monkeypatch):
    monkeypatch.setenv(URL, f"http://127.0.0.1:{free_port()}")
    code, said = said_by(project, monkeypatch, command)
    assert code != 0 and "no Label Studio answers" in said and "autoroto review serve" in said


@pytest.mark.parametrize("command", ["push", "pull"])
def test_a_wrong_token(command, project, environment, monkeypatch):
    monkeypatch.setenv(TOKEN, "0" * 40)
    code, said = said_by(project, monkeypatch, command)
    assert code != 0 and "refuses the token (401)" in said and f"correct {TOKEN}" in said


def test_something_else_answers(project, environment, monkeypatch, access):
    monkeypatch.setenv(URL, f"{access.url}/static")
    code, said = said_by(project, monkeypatch, "pull")
    assert code != 0 and ("no Label Studio" in said or "deleted there" in said or "refused" in said)


def test_a_project_that_was_deleted_is_made_anew_and_what_was_pulled_is_kept(project, push, pull, reviewer, studio):
    push(4)
    reviewer.submit(reviewer.tasks()[0], "reject")
    pull()
    rows = read_decisions(project / REVIEWS)
    reviewer.http.delete(f"/api/projects/{reviewer.project}")
    with pytest.raises(StudioError, match=r"has no project .* `autoroto review push` makes it"):
        pull()
    assert push(4).created == 4  # the next four: what was decided stays decided
    assert pull().decisions.total() == 0 and read_decisions(project / REVIEWS) == rows
    reviewer.submit(reviewer.tasks()[0], "reject")
    assert pull().decisions == {"reject": 1}  # the numbers of the new project's tasks mean others than the old one's
    assert len({row.provenance for row in read_decisions(project / REVIEWS)}) == 2


def test_a_project_of_somebody_else_is_left_alone(project, push, studio, title):
    studio.create_project(title=title, label_config="<View><Text name='t' value='$t'/></View>")
    with pytest.raises(StudioError, match="did not make: choose another title with --project"):
        push()


def test_a_task_that_was_deleted_comes_again_and_its_decision_stays(project, push, pull, reviewer, studio):
    push(4)
    first, second = reviewer.tasks()[:2]
    reviewer.submit(first, "reject")
    pull()
    studio.delete_task(first["id"])
    studio.delete_task(second["id"])
    assert push(3).created == 1  # only the one that is undecided
    assert pull().decisions.total() == 0 and len(read_decisions(project / REVIEWS)) == 1


def test_annotations_that_are_no_decision_are_named_until_they_are_one(project, push, pull, reviewer):
    push(8)
    empty, same, silent, gone, large, bare, cut, skipped = reviewer.tasks()
    shown = reviewer.shown(same)
    wrong = {
        reviewer.send(empty, []): "there is no mask",
        reviewer.submit(same, "fix", shown): "says fix, but the mask is as it was",
        reviewer.submit(silent, "", reviewer.shown(silent)): "no verdict chosen",
        reviewer.submit(gone, "accept"): "there is no mask",
        reviewer.submit(large, "fix", np.ones((90, 160), np.bool_)): "the mask is 160x90, the picture 320x180",
        reviewer.send(bare, [verdict_region("fix"), {**brush_region(b"", 320, 180), "value": {}}]): "no brush stroke",
        reviewer.send(cut, broken("fix", painted(reviewer.shown(cut), BOX))): "cannot be read",
    }
    reviewer.send(skipped, [], was_cancelled=True)
    done = pull()
    assert (done.decisions.total(), done.skipped) == (0, 1)
    assert len(done.unclear) == len(wrong)
    for message in wrong.values():
        assert any(message in line for line in done.unclear), (message, done.unclear)
    assert all("film.mp4 at" in line and "@example.com" in line for line in done.unclear)
    # while others go on, nobody forgets them
    reviewer.submit(skipped, "reject")
    assert (again := pull()).decisions == {"reject": 1} and sorted(again.unclear) == sorted(done.unclear)
    for annotation in wrong:
        reviewer.change(annotation, [verdict_region("reject")])
    assert (last := pull()).decisions == {"reject": 7} and last.unclear == []
    assert pull().sentence() == "0 new decisions, 1 skipped by reviewers"


def broken(verdict: str, mask: np.ndarray) -> list[dict]:
    brush = brush_of(mask)
    return [verdict_region(verdict), brush_region(brush[: len(brush) // 2], mask.shape[1], mask.shape[0])]


def test_erasing_everything_says_that_nobody_is_there(project, push, pull, reviewer):
    push(1)
    (task,) = reviewer.tasks()
    reviewer.submit(task, "fix", np.zeros((180, 320), np.bool_))
    assert pull().decisions == {"fix": 1}
    from datasets.images import decode_grey

    (row,) = read_decisions(project / REVIEWS)
    assert not decode_grey(row.mask).any()


def test_what_was_painted_counts_whatever_was_chosen(project, push, pull, reviewer):
    push(2)
    one, other = reviewer.tasks()
    reviewer.submit(one, "accept", painted(reviewer.shown(one), BOX))
    reviewer.submit(other, "accept", reviewer.shown(other), ground_truth=True)
    assert pull().decisions == {"fix": 1, "accept": 1}


def test_the_origin_that_is_written_down_does_not_matter(project, push, pull, reviewer):
    push(2)
    one, other = reviewer.tasks()
    for task, verdict, origin in ((one, "fix", "prediction"), (other, "accept", "manual")):
        shown = reviewer.shown(task)
        mask = painted(shown, BOX) if verdict == "fix" else shown
        region = brush_region(brush_of(mask), 320, 180) | {"origin": origin}
        reviewer.send(task, [verdict_region(verdict), region])
    assert pull().decisions == {"fix": 1, "accept": 1}


def test_a_reviewers_own_tasks_in_the_project_are_passed_over(project, push, pull, reviewer, studio):
    push(2)
    studio.import_tasks(reviewer.project, [{"data": {"image": "x", "context": "x", "name": "", "reason": "mine"}}])
    reviewer.submit(max(reviewer.tasks(), key=lambda task: task["id"]), "reject")
    assert pull().decisions.total() == 0
    assert push(2).unchanged == 2


def test_nothing_is_scored_yet(tmp_path, access, studio, title):
    (tmp_path / "params.yaml").write_text("")
    push = Push(tmp_path, load_params(tmp_path / "params.yaml"), access, studio, title, 5, False)
    with pytest.raises(FileNotFoundError, match="run `dvc repro score` first"):
        push.run()
    assert studio.projects(title) == []


def test_a_folder_that_the_server_does_not_serve(project, access, studio, title, tmp_path):
    elsewhere = dataclasses.replace(access, served=str(tmp_path), served_there=str(tmp_path))
    with pytest.raises(StudioError, match=r"cannot serve .*LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT"):
        Push(project, load_params(project / "params.yaml"), elsewhere, studio, title, 5, False).run()


def test_the_doctor_says_what_is_wrong_and_when_nothing_is(project, environment, push, reviewer, monkeypatch, access):
    title = reviewer._title
    code, said = said_by(project, monkeypatch, "doctor", "--project", title)
    assert code == 0 and "there is no project" in said and "24 labels are scored" in said
    push(4)
    code, said = said_by(project, monkeypatch, "doctor", "--project", title)
    assert code == 0 and "has 4 tasks" in said and "a frame can be looked at" in said
    frame = Path(access.served) / reviewer.tasks()[2]["data"]["image"].partition("?d=")[2]
    frame.unlink()
    code, said = said_by(project, monkeypatch, "doctor", "--project", title)
    assert code == 1 and "1 of 4 frames are missing" in said and "review push` again" in said
    push(4)
    assert frame.exists()
    (project / REVIEWS).mkdir(parents=True, exist_ok=True)
    (project / REVIEWS / "broken.parquet").write_bytes(b"no")
    monkeypatch.setenv(TOKEN, "0" * 40)
    code, said = said_by(project, monkeypatch, "doctor", "--project", title)
    assert code == 1 and "not a readable decisions file" in said and "refuses the token" in said


def test_thousands_of_tasks_are_listed_page_by_page(project, push, pull, reviewer, studio, monkeypatch):
    monkeypatch.setattr("pipeline.review.client.PAGE", 7)
    monkeypatch.setattr("pipeline.review.pull.BATCH", 5)
    push(24)
    assert push(24).unchanged == 24
    for task in reviewer.tasks():
        reviewer.submit(task, "reject")
    assert pull().decisions == {"reject": 24}
    assert len({row.key for row in read_decisions(project / REVIEWS)}) == 24 == len(labels(project))


def test_a_pull_of_another_project_does_not_hide_this_ones_decisions(
    project, push, pull, reviewer, studio, access, title
):
    push(2)
    other = Push(project, load_params(project / "params.yaml"), access, studio, f"{title[:40]} two", 2, False)
    other.run()
    first, _ = reviewer.tasks()
    reviewer.submit(first, "reject")
    from tests.review.reviewer import Reviewer

    with Reviewer(access, studio, other.title) as them:
        them.submit(them.tasks()[0], "accept", them.shown(them.tasks()[0]))
    assert Pull(project, studio, other.title).run().decisions == {"accept": 1}
    assert pull().decisions == {"reject": 1}


def test_the_token_and_the_password_are_nowhere_to_be_read(access):
    root = Path(access.served).parents[2]
    folder = root / ".autoroto" / "review"
    for path in (folder, *filter(Path.is_file, folder.iterdir())):
        assert path.stat().st_mode & 0o077 == 0, path
    log = (root / ".autoroto" / "review" / "server.log").read_text()
    assert access.token not in log and access.password not in log
    assert access.token not in repr(access) and access.password not in repr(access)
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not any(access.password.encode() in command or access.token.encode() in command for command in commands)


def test_somebody_without_a_token_sees_nothing(access):
    with Studio(dataclasses.replace(access, token="guessed")) as nobody, pytest.raises(StudioError, match="refuses"):
        nobody.user()
