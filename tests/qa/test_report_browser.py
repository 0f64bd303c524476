"""The report in a real browser: it fits, reads, works by keyboard alone, and asks nobody for anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from qa.report import ReportInputs, write_report
from tests.chromium import outside, page_of

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]

SCREENS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]

CONTRAST = """
() => {
  const light = (text) => {
    const parts = text.match(/[\\d.]+/g).map(Number).slice(0, 3).map((v) => v / 255)
      .map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  const paper = light(getComputedStyle(document.body).backgroundColor);
  return [...document.querySelectorAll("p, h1, h2, h3, th, td:not([style]), dt, dd, .error, .quiet, .legend li, nav a")]
    .filter((node) => node.offsetParent && !node.closest("dialog, .missing, .ours, .chips"))
    .map((node) => [ratio(light(getComputedStyle(node).color), paper), node.className + " " + node.textContent.trim()])
    .filter(([found]) => found < 4.5);
}
"""


@pytest.fixture(scope="module")
def html(report_inputs: ReportInputs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    write_report(inputs=report_inputs, out=path)
    return path


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_the_page_fits_the_screen_and_is_quiet(html: Path, width: int, scheme: str) -> None:
    with page_of(html, width=width, scheme=scheme) as (page, seen):
        page.wait_for_selector("#player[data-drawn]")
        for summary in page.locator("summary:visible").all():
            summary.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.evaluate(CONTRAST) == []
        nameless = "[...document.images].filter((i) => !i.alt).length"
        assert page.evaluate(nameless) == 0
    assert seen.alarms == [] and outside(seen.requests, html) == []


def test_labels_are_filtered_sorted_and_opened_by_keyboard(html: Path) -> None:
    with page_of(html) as (page, seen):
        tiles = page.locator("#gallery li")
        page.get_by_role("button", name="Show all").press("Enter")
        assert tiles.count() == 41
        page.locator("select[data-range=quality]").select_option(label="below 0.25")
        few = tiles.count()
        assert 0 < few < 41 and all(float(tile.get_attribute("data-quality")) < 0.25 for tile in tiles.all())
        page.locator("select[data-range=quality]").select_option(label="any")
        page.locator("select[data-order]").select_option(label="by group")
        groups = [tile.get_attribute("data-group") for tile in tiles.all()]
        known = ["gold", "silver", "bronze", "reject", "left_out"]
        assert groups == sorted(groups, key=known.index) and len(set(groups)) > 2
        page.locator("select[data-order]").select_option(label="worst first")
        tiles.first.locator("button").focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        assert page.locator("#position").inner_text() != "1 of 41"
        assert page.get_by_role("button", name="selfie", exact=True).is_visible()
        page.keyboard.press("5")
        assert page.locator("#heat-scale").is_visible() and "disagreement of" in page.get_attribute(
            "#picture img", "alt"
        )
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Escape")
        assert not page.locator("dialog").is_visible()
    assert seen.alarms == []


def test_the_player_plays_steps_and_splits(html: Path) -> None:
    pixel = "([x, y]) => [...document.getElementById('screen').getContext('2d').getImageData(x, y, 1, 1).data]"
    with page_of(html) as (page, seen):
        page.wait_for_selector('#player[data-drawn="0"]')
        player = page.locator("#player")
        player.focus()
        page.keyboard.press("ArrowLeft")  # to the last frame
        page.wait_for_selector('#player[data-drawn="7"]')
        page.keyboard.press("Space")
        page.wait_for_function("Number(document.getElementById('player').dataset.drawn) < 7")
        page.keyboard.press("Space")
        page.get_by_role("button", name="worst frame").press("Enter")
        page.wait_for_selector('#player[data-drawn="3"]')
        assert "0.500" in page.inner_text("#left-name") and "frame 4 of 8" in page.inner_text("#moment").lower()
        page.locator("#left").select_option("frame")
        page.locator("#right").select_option("truth")
        page.wait_for_function("document.getElementById('left-name').textContent === 'picture'")
        left, right = page.evaluate(pixel, [2, 60]), page.evaluate(pixel, [93, 60])
        assert sum(left[:3]) > 0 and max(right[:3]) - min(right[:3]) <= 3  # in colour; outside the person grey
    assert seen.alarms == []
