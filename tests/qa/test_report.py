"""The page: self-contained, escaped, complete, small, the same bytes for the same inputs."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from qa.report import ReportInputs, render, write_report

VOID = {"meta", "link", "img", "br", "input"}


class Page(HTMLParser):
    """Elements with their attributes, the text that is read, and whether tags nest."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        if not self.open or self.open[-1] not in ("script", "style"):
            self.text += data

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        return [a for t, a in self.elements if t == tag and all(a.get(k) == v for k, v in attributes.items())]


@pytest.fixture(scope="module")
def html(report_inputs) -> str:
    return render(report_inputs)


@pytest.fixture(scope="module")
def page(html) -> Page:
    return Page(html)


def test_nothing_is_loaded_from_elsewhere(html, page):
    for _, attributes in page.elements:
        for name in ("src", "href", "action", "poster", "srcset", "data"):
            value = attributes.get(name)
            assert value is None or value.startswith(("data:", "#")), (name, value)
    assert "://" not in html
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest", html)


def test_names_from_outside_are_escaped_everywhere(html, page):
    assert "<script>alert" not in html and "<b>broken" not in html
    assert len(page.all("script")) == 4  # of the gallery and of the player: data and code
    assert "demo/<b>broken</b>.mp4: no video <stream>" in page.text
    assert "demo/dance <script>alert(1)</script>.mp4" in page.text


def test_the_data_of_the_lightbox_is_json(html, page):
    data = json.loads(re.search(r'id="tiles">(.*?)</script>', html, re.DOTALL).group(1))
    assert len(data) == len(page.all("button", **{"class": "tile"})) == 41
    assert {name for name, _ in data[0]["views"]} >= {"frame", "alpha", "trust", "selfie"}
    assert dict(data[0]["facts"])["Source"] == "demo/dance <script>alert(1)</script>.mp4"
    assert data[0]["signals"][0][0] == "agreement"


def test_the_numbers_are_shown(page):
    text = " ".join(page.text.split())
    for number in ("41 labelled frames", "0.951", "0.939", "2.3 ms", "2.7 ms", "3.1e-06", "ingest.long_side"):
        assert number in text, number
    assert "1 unreadable" in text and "3 background" in text and "Not run yet: synthesize" in text


def test_scores_come_with_their_intervals_and_by_scenario(html):
    text = " ".join(re.sub(r"<[^>]+>", " ", html).split())
    for words in (
        "student 0.951 0.940 to 0.960",
        "student − MediaPipe landscape +0.012 +0.004 to +0.020 better",
        "from drawing 13 bursts anew",
        "dark 16 2 0.800 0.830 – – −0.030 −0.050 to −0.010 worse",
    ):
        assert words in text, words


def test_the_best_of_a_column_is_told_without_colour(html):
    assert re.search(r'<strong class="best">0\.951<span class="hidden"> best</span></strong>', html)


def test_every_picture_has_a_text_and_a_size(page):
    assert page.all("img")
    assert all(image["alt"] and image["width"] and image["height"] for image in page.all("img"))
    assert all(svg.get("aria-label") or svg.get("aria-hidden") for svg in page.all("svg"))


def test_every_control_and_heading_is_in_place(page):
    ids = [attributes["id"] for _, attributes in page.elements if attributes.get("id")]
    assert len(ids) == len(set(ids))
    for link in page.all("a"):
        assert link["href"][1:] in ids
    assert [select["data-filter"] for select in page.all("select") if "data-filter" in select] == [
        "error",
        "scenarios",
        "source",
    ]
    assert all(button.get("type") == "button" for button in page.all("button"))


def test_the_worst_label_comes_first_with_its_error_and_region(page):
    qualities = [float(item["data-quality"]) for item in page.all("li") if "data-quality" in item]
    assert qualities == sorted(qualities)
    first = next(item for item in page.all("li") if "data-quality" in item)
    assert first["data-error"] == "missed_region"
    assert page.all("span", **{"class": "region"})[0]["style"] == "left:55.0%;top:60.0%;right:10.0%;bottom:0.0%"


def test_every_label_carries_the_votes_of_its_teachers(html):
    data = json.loads(re.search(r'id="tiles">(.*?)</script>', html, re.DOTALL).group(1))
    assert all({"alpha", "trust", "disagreement", "selfie"} <= {name for name, _ in tile["views"]} for tile in data)


def test_the_player_has_the_keyed_clip_and_its_curves(html, page):
    data = json.loads(re.search(r'id="player-data">(.*?)</script>', html, re.DOTALL).group(1))
    assert len(data["frames"]) == 8 and len(data["bursts"]) == 2
    assert page.all("svg", **{"aria-label": "IoU along the keyed test clip"})
    assert page.all("input", id="frame")[0]["max"] == "7" and page.all("button", id="worst")[0]["data-frame"] == "3"


def test_disagreement_is_told_in_numbers_beside_the_shade(page):
    regions = [attributes.get("aria-label") for attributes in page.all("div", role="region")]
    assert "Disagreement of every two teachers" in regions
    shaded = [cell for cell in page.all("td") if "--heat" in (cell.get("style") or "")]
    assert len(shaded) == 4 * 5 + 4 * 4  # each teacher and the label with the others; teachers by all and 3 scenarios


def test_the_page_says_what_changed_since_the_last_run(tmp_path, build_project):
    inputs = replace(build_project(tmp_path), memory=tmp_path / "memory")
    write_report(inputs=inputs, out=tmp_path / "report.html")
    first = (tmp_path / "report.html").read_text()
    assert "no earlier run on this machine" in first
    scores = json.loads(inputs.metrics.read_text())
    scores["keyed"]["student"]["iou"] = 0.961
    inputs.metrics.write_text(json.dumps(scores))
    again = replace(inputs, params={**inputs.params, "seed": 8})
    write_report(inputs=again, out=tmp_path / "report.html")
    cells = re.sub(r"<[^>]+>", " ", (tmp_path / "report.html").read_text()).split()
    for change in ("student, IoU, keyed test clip 0.951 0.961 +0.010 better", "seed 7 8"):
        assert change in " ".join(cells), change
    second = (tmp_path / "report.html").read_bytes()
    write_report(inputs=again, out=tmp_path / "report.html")
    assert (tmp_path / "report.html").read_bytes() == second


def test_the_prior_and_what_retraining_changed_are_told(tmp_path, build_project):
    inputs = build_project(tmp_path)
    scores = json.loads(inputs.metrics.read_text())
    plain = Page(render(inputs))
    assert "Gains of retraining" not in [attributes.get("aria-label") for attributes in plain.all("div")]
    lock = {"iou": {"true": 0.95, "ones": 0.6}, "recovery_frames": 6.5, "verdict": "worships"}
    scores["prior"] = {"keyed": lock}
    scores["retraining"] = {"keyed": {"iou": {"earlier": 0.9, "now": 0.95, "gained": 0.05}},
                            "test: dark": {"iou": {"earlier": 0.9, "now": 0.8, "gained": -0.1}}}  # fmt: skip
    inputs.metrics.write_text(json.dumps(scores))
    page = Page(render(inputs))
    text = " ".join(page.text.split())
    assert "the student worships its prior" in text and "ones 0.600; 6.5 frames to recover from a cut" in text
    assert "Gains of retraining" in [attributes.get("aria-label") for attributes in page.all("div", role="region")]
    cells = text.replace(" ", "")  # cells stand side by side
    assert "keyed+0.050" in cells and "test:dark-0.100lost" in cells


def test_the_same_inputs_give_the_same_bytes(tmp_path, build_project):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_report(inputs=build_project(tmp_path / name), out=tmp_path / name / "report.html")
    assert (tmp_path / "one" / "report.html").read_bytes() == (tmp_path / "two" / "report.html").read_bytes()


def test_a_big_project_stays_below_fifteen_megabytes(tmp_path, build_project):
    inputs = build_project(tmp_path, bursts=6, size=(320, 180))
    write_report(inputs=inputs, out=tmp_path / "report.html")
    assert 500_000 < (tmp_path / "report.html").stat().st_size < 15_000_000


def test_what_has_not_run_is_said_in_words():
    page = Page(render(ReportInputs()))
    text = " ".join(page.text.split())
    for sentence in (
        "Nothing is labelled yet",
        "No footage has been ingested yet. Run dvc repro ingest.",
        "The student has not been evaluated yet. Run dvc repro evaluate.",
        "The student has not been trained yet. Run dvc repro train.",
        "No run has been timed yet.",
    ):
        assert sentence in text
    assert not page.all("script")


@pytest.mark.parametrize("missing", ["metrics", "history", "samples", "keyed_clip", "run_log", "parity"])
def test_a_file_that_is_not_there_is_no_error(tmp_path, missing):
    assert "<h1>" in render(ReportInputs(**{missing: tmp_path / "gone"}))
