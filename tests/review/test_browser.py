"""A reviewer in a real browser: signs in, sees the mask over the frame, paints a stroke, submits; and it is pulled."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from datasets.images import Grey, decode_grey, decode_rgb
from datasets.reviews import read_decisions
from pipeline.assist import Assistant
from pipeline.review.access import Access
from pipeline.review.backend import assisting
from pipeline.review.tasks import key_of
from qa.curate import REVIEWS
from tests.review.drawn import draw_project, labels, relabel
from tests.review.reviewer import Reviewer, binary

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.review
SIZE = (640, 360)
PATIENCE = 180_000
"""Milliseconds that the page may take: it loads twenty megabytes of script."""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return draw_project(tmp_path / "project", bursts=1, size=SIZE)


@pytest.fixture
def page(access: Access) -> Iterator[Page]:
    """A page of a headless Chromium, signed in with the password that `review serve` keeps."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        if "CI" in os.environ:
            pytest.fail("there is no Chromium here, and continuous integration needs one: run `make browser`")
        pytest.skip("there is no Chromium here: run `make browser`")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(PATIENCE)
        page.goto(f"{access.url}/user/login")
        page.fill("input[name=email]", access.email)
        page.fill("input[name=password]", access.password)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "login" not in url, wait_until="commit")
        yield page
        browser.close()


def opened(page: Page, access: Access, project: int, task: int) -> Locator:
    """The picture of a task, open in the browser with its pre-annotation."""
    page.goto(f"{access.url}/projects/{project}/data?task={task}", wait_until="commit")
    page.get_by_text("person", exact=True).last.wait_for()  # the region of the pre-annotation
    picture = page.locator(".konvajs-content").first
    picture.wait_for()
    page.wait_for_timeout(3000)  # the mask is drawn a moment after the picture
    return picture


def submit(page: Page, key: str) -> None:
    """Choose the verdict by its key, and submit."""
    page.keyboard.press(key)
    page.wait_for_timeout(300)
    with page.expect_response(
        lambda answer: "/annotations" in answer.url and answer.request.method == "POST"
    ) as answer:
        page.locator("button[name=submit]").click()
    assert answer.value.ok


def drag(page: Page, picture: Locator, start: tuple[int, int], end: tuple[int, int]) -> None:
    """Move the mouse over the picture with its button down; positions are of the picture's own pixels."""
    box = picture.bounding_box()
    assert box is not None
    scale = box["width"] / SIZE[0]
    page.mouse.move(box["x"] + start[0] * scale, box["y"] + start[1] * scale)
    page.mouse.down()
    page.mouse.move(box["x"] + end[0] * scale, box["y"] + end[1] * scale, steps=12)
    page.mouse.up()


def test_a_stroke_in_the_browser_changes_the_mask_where_it_was_painted(
    page, access, project, push, pull, reviewer: Reviewer
):
    push(2)
    first, second = reviewer.tasks()
    shown = reviewer.shown(first)
    outside = []
    page.on("request", lambda request: outside.append(request.url))

    picture = opened(page, access, reviewer.project, first["id"])
    box = picture.bounding_box()
    assert box is not None
    scale = box["width"] / SIZE[0]
    pixels = decode_rgb(page.screenshot())
    # the person is blue, as the mask is, and the scene is not
    inside, beside = (
        pixels[round(box["y"] + y * scale), round(box["x"] + x * scale)] for x, y in ((205, 300), (500, 100))
    )
    assert int(inside[2]) > int(inside[0]) + 40 and abs(int(beside[2]) - int(beside[0])) < 40, (inside, beside)

    start, end = (450, 80), (540, 110)  # far from the person
    drag(page, picture, start, end)
    submit(page, "f")

    opened(page, access, reviewer.project, second["id"])
    submit(page, "a")
    foreign = [url for url in outside if not url.startswith((access.url, "data:", f"blob:{access.url}"))]
    assert foreign == []  # nothing leaves the machine

    done = pull()
    assert (done.decisions, done.unclear) == ({"fix": 1, "accept": 1}, [])
    rows = {row.verdict: row for row in read_decisions(project / REVIEWS)}
    fixed = binary(decode_grey(rows["fix"].mask))
    changed = fixed != shown
    y, x = np.nonzero(changed)
    assert fixed[95, 495] and changed.sum() > 200
    assert start[0] - 40 < x.min() and x.max() < end[0] + 40 and start[1] - 40 < y.min() and y.max() < end[1] + 40
    assert (decode_grey(rows["accept"].mask) == labels(project)[rows["accept"].key]).all()  # to the last level
    assert rows["accept"].seconds > 0


def test_the_eraser_takes_away_and_a_reject_takes_the_frame(page, access, project, push, pull, reviewer: Reviewer):
    push(2)
    first, second = reviewer.tasks()
    shown = reviewer.shown(first)
    page.goto(f"{access.url}/projects/{reviewer.project}/data", wait_until="commit")
    page.get_by_text(str(first["id"]), exact=True).first.wait_for()  # a button pressed before there are tasks is dead
    page.wait_for_timeout(2000)
    page.get_by_role("button", name="Label All Tasks").click()  # deals the worst first
    picture = page.locator(".konvajs-content").first
    picture.wait_for()
    page.wait_for_timeout(3000)
    page.get_by_text("person", exact=True).last.click()  # the region, in the list
    page.keyboard.press("e")  # the eraser
    drag(page, picture, (190, 320), (230, 330))
    submit(page, "f")
    page.wait_for_timeout(6000)  # the next one comes by itself
    submit(page, "r")
    assert pull().decisions == {"fix": 1, "reject": 1}
    rows = {row.verdict: row for row in read_decisions(project / REVIEWS)}
    assert (rows["fix"].key, rows["reject"].key) == (key_of(first["data"]), key_of(second["data"]))
    row = rows["fix"]
    fixed = binary(decode_grey(row.mask))
    y, x = np.nonzero(fixed != shown)
    assert len(y) > 100 and not (fixed & ~shown).any()
    assert x.min() > 150 and x.max() < 270 and y.min() > 280


def test_a_scribble_of_the_smart_brush_mends_the_mask(
    page, access, project, push, pull, studio, reviewer: Reviewer, tmp_path: Path
):
    def spoil(alpha: Grey) -> Grey:
        spoilt = alpha.copy()
        spoilt[280:302] = 0  # a belt is missing
        spoilt[220:242, 420:560] = 255  # and a piece of the scene is too much
        return spoilt

    relabel(project, {key[1] for key in labels(project)}, spoil)
    with assisting(project, Assistant(Path(access.served))):
        push(1)
        (task,) = reviewer.tasks()
        shown = reviewer.shown(task)
        picture = opened(page, access, reviewer.project, task["id"])
        page.get_by_text("Auto-Annotation").click()
        page.locator(".lsf-tool_smart").click()
        scribble(page, picture, (140, 291), (290, 291))
        page.keyboard.press("2")  # not person
        page.wait_for_timeout(500)
        scribble(page, picture, (430, 231), (550, 231))
        submit(page, "f")
    assert pull().decisions == {"fix": 1}
    (row,) = read_decisions(project / REVIEWS)
    fixed = binary(decode_grey(row.mask))
    assert not shown[280:302].any() and fixed[282:300, 130:300].mean() > 0.95
    assert fixed[220:242, 420:560].mean() < 0.2  # all of the piece but its rim
    assert (fixed == shown)[:200, :400].all() and (fixed == shown)[320:].all()


def scribble(page: Page, picture: Locator, start: tuple[int, int], end: tuple[int, int]) -> None:
    """Draw, wait for the suggestion, accept it."""
    with page.expect_response(lambda answer: "interactive-annotating" in answer.url) as answer:
        drag(page, picture, start, end)
    assert answer.value.ok and "errors" not in answer.value.json(), answer.value.json()
    page.get_by_test_id("bottombar-accept-suggestions-button").click()
    page.wait_for_timeout(2500)  # a stroke that goes is told of after a while
