"""The assistant beside a real Label Studio: connected once, and a scribble comes back as the region that it means."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from datasets.images import Grey, decode_grey
from datasets.reviews import read_decisions
from pipeline.assist import NAME, Assistant
from pipeline.review.access import Access
from pipeline.review.backend import Backend, assisting, connected
from pipeline.review.client import Json, Studio
from pipeline.review.interface import MODEL, verdict_region
from pipeline.review.project import reconnect
from pipeline.review.regions import NOT_PERSON, PERSON, brush_of, brush_region, region_mask
from pipeline.review.server import LOG
from qa.curate import REVIEWS
from qa.review_masks import Mask
from tests.review.drawn import draw_project, relabel
from tests.review.reviewer import Reviewer, binary, painted

pytestmark = pytest.mark.review

SIZE = (640, 360)
BELT, WALL = (0, 280, 640, 302), (420, 220, 560, 242)
"""Of the picture: what is missing in every label, and what is too much."""
ALONG_THE_BELT, ALONG_THE_WALL = (130, 288, 296, 295), (430, 228, 550, 235)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    project = draw_project(tmp_path / "project", bursts=1, size=SIZE)

    def spoil(alpha: Grey) -> Grey:
        return painted(painted(alpha, BELT, value=False), WALL, value=255)

    relabel(project, {0, 40_000, 80_000, 120_000}, spoil)
    return project


@pytest.fixture
def backend(project: Path, access: Access) -> Iterator[Backend]:
    with assisting(project, Assistant(Path(access.served))) as backend:
        yield backend


def stroke(box: tuple[int, int, int, int], label: str, name: str) -> Json:
    """As the editor sends what a smart brush has painted."""
    region = brush_region(brush_of(painted(np.zeros(SIZE[::-1], np.bool_), box)), *SIZE, label)
    return region | {"id": name, "origin": "manual"}


def asked(reviewer: Reviewer, studio: Studio, task: Json, regions: list[Json]) -> Json:
    """The one region that comes back through Label Studio."""
    (known,) = studio.backends(reviewer.project)
    body = {"task": task["id"], "context": {"result": regions}}
    answer = reviewer.http.post(f"/api/ml/{known['id']}/interactive-annotating", json=body).json()
    assert "errors" not in answer, answer
    (region,) = answer["data"]["result"]
    return dict(region)


def filled(box: tuple[int, int, int, int]) -> Mask:
    return painted(np.zeros(SIZE[::-1], np.bool_), box)


def test_scribbles_come_back_as_regions_and_are_pulled_in_their_order(
    project, push, pull, studio, access, backend, reviewer: Reviewer
):
    assert push(1).created == 1
    assert studio.project(reviewer.project)["model_version"] == MODEL  # not the backend's, or no mask would be shown
    (task,) = reviewer.tasks()
    shown = reviewer.shown(task)
    (prediction,) = studio.predictions(task["id"])
    first = prediction["result"][0] | {"origin": "prediction"}

    added = asked(reviewer, studio, task, [first, stroke(ALONG_THE_BELT, PERSON, "a")])
    belt = region_mask(added, *SIZE)
    assert added["value"]["brushlabels"] == [PERSON]
    assert (belt & filled(ALONG_THE_BELT)).sum() == filled(ALONG_THE_BELT).sum()  # it holds the scribble
    assert belt.sum() > 2 * filled(ALONG_THE_BELT).sum() and not (belt & filled(WALL)).any()

    reviewer.draft(task, [first, added])
    taken = asked(reviewer, studio, task, [stroke(ALONG_THE_WALL, NOT_PERSON, "b")])
    wall = region_mask(taken, *SIZE)
    assert taken["value"]["brushlabels"] == [NOT_PERSON]
    assert (wall & filled(ALONG_THE_WALL)).sum() == filled(ALONG_THE_WALL).sum()
    assert not (wall & ~filled(WALL) & ~filled(ALONG_THE_WALL)).any()  # what is not in the mask is not taken from it

    again = stroke((440, 228, 450, 235), PERSON, "c")  # later than what took it away
    reviewer.send(task, [verdict_region("fix"), first, added, taken, again])
    assert pull().decisions == {"fix": 1}
    (row,) = read_decisions(project / REVIEWS)
    wanted = (shown | belt) & ~wall | filled((440, 228, 450, 235))
    assert (binary(decode_grey(row.mask)) == wanted).all()

    log = (Path(access.served).parent / LOG).read_text(encoding="utf-8", errors="replace")
    assert "interactive-annotating" in log and backend.password not in log


def test_it_is_connected_once_whether_it_starts_before_or_after_the_push(project, push, studio, access, reviewer):
    push(1)
    ours = reviewer.project
    assert connected(studio, ours) is None
    assert NOT_PERSON not in studio.project(ours)["label_config"]
    for _ in range(2):  # the second with another address and another password
        with assisting(project, Assistant(Path(access.served))) as backend:
            reconnect(studio, backend)
            push(1)
            push(2)
            (known,) = studio.backends(ours)
            assert (known["title"], known["url"], known["state"]) == (NAME, backend.url, "CO")
            assert 'smart="true"' in studio.project(ours)["label_config"]
        assert connected(studio, ours) is False
    push(2)
    assert connected(studio, ours) is None


def test_a_project_whose_annotations_take_away_can_still_be_pushed(project, push, studio, access, reviewer: Reviewer):
    with assisting(project, Assistant(Path(access.served))):
        push(1)
        (task,) = reviewer.tasks()
        reviewer.send(task, [verdict_region("fix"), stroke(ALONG_THE_WALL, NOT_PERSON, "b")])
    assert push(2).created == 1  # the label stays: Label Studio would refuse to drop it
    assert NOT_PERSON in studio.project(reviewer.project)["label_config"]
