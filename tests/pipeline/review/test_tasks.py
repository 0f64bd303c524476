from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from datasets.clips import read_clips
from datasets.images import decode_rgb
from datasets.schema import QualityRow
from pipeline.params import Params
from pipeline.review.access import Access
from pipeline.review.queue import Scored
from pipeline.review.regions import painted_mask
from pipeline.review.tasks import LABELS, TaskMaker, key_of, key_text, place_of, reason
from tests.review.drawn import draw_project, keys


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return draw_project(tmp_path / "project", bursts=2)


def maker(project: Path) -> TaskMaker:
    return TaskMaker(project, Access("http://x", "t", served=str(project / "served")))


def shown(project: Path, limit: int = 8) -> list:
    scored = Scored(project, Params())
    queue, _ = scored.queue({}, limit=limit, audit=False)
    return list(scored.show(queue))


def test_a_task_shows_the_frame_its_mask_and_its_neighbours(project: Path):
    first = shown(project)[0]
    task = maker(project).make(first, drawn=False, doubtful_below=0.6)
    data = task.data
    picture = project / "served" / data["image"].partition("?d=")[2]
    assert picture.read_bytes() == first.frame.image  # to the last byte, where it is small enough
    assert (data["width"], data["height"]) == (320, 180)
    context = decode_rgb((project / "served" / data["context"].partition("?d=")[2]).read_bytes())
    assert context.shape == (180, 2 * 320 + 8, 3)
    assert abs(int(context[90, 100].mean()) - 128) < 4  # before the first frame of a burst there is none
    assert key_of(data) == first.frame.frame_key
    assert (project / LABELS / data["label"][:2] / f"{data['label']}.png").read_bytes() == first.label.alpha
    (region,) = task.prediction["result"]
    assert painted_mask([region], 320, 180).any()
    assert task.prediction["score"] == pytest.approx(first.quality.quality)


def test_a_photo_is_named_without_a_time(project: Path):
    one = next(frame for frame in shown(project) if frame.frame.time_us == 0)
    assert maker(project).make(one, drawn=False, doubtful_below=0.6).data["name"] == "film.mp4 at 0.00 s"
    alone = dataclasses.replace(one, before=None, after=None)
    assert maker(project).make(alone, drawn=False, doubtful_below=0.6).data["name"] == "film.mp4"


def test_the_same_frame_is_the_same_task(project: Path):
    frames = shown(project)
    tasks = [maker(project).make(one, drawn=False, doubtful_below=0.6) for one in frames]
    again = [maker(project).make(one, drawn=False, doubtful_below=0.6) for one in shown(project)]
    assert tasks == again and len({task.data["key"] for task in tasks}) == 8


def test_large_frames_are_shown_at_1080p(tmp_path: Path):
    project = draw_project(tmp_path / "project", bursts=1, size=(2400, 1800), label=4)
    data = maker(project).make(shown(project)[0], drawn=False, doubtful_below=0.6).data
    assert (data["width"], data["height"], data["source_width"], data["source_height"]) == (1440, 1080, 2400, 1800)
    picture = decode_rgb((project / "served" / data["image"].partition("?d=")[2]).read_bytes())
    assert picture.shape == (1080, 1440, 3)


def test_review_keys():
    key = ("a" * 64, 40_000)
    assert key_of({"key": key_text(key)}) == key
    for wrong in ({}, {"key": "x"}, {"key": ":3"}, {"key": "a:b"}, {"key": None}):
        assert key_of(wrong) is None


def test_the_reason_is_in_words(project: Path):
    quality = shown(project)[0].quality
    assert reason(quality, drawn=False, doubtful_below=0.6) == (
        f"A part of the person may be missing, at the bottom right. Quality {quality.quality:.2f}. Scene: dark."
    )
    assert reason(quality, drawn=True, doubtful_below=0.6).startswith("Drawn at random for the audit")
    assert "not doubtful any more" in reason(quality, drawn=False, doubtful_below=0.0)
    assert place_of([0.4, 0.0, 0.6, 0.2]) == "at the top"


def test_neighbours_are_those_of_the_burst(project: Path):
    scored = Scored(project, Params())
    queue, _ = scored.queue({}, limit=8, audit=False)
    paths = [project / "data" / stage / f"{stage}-000.parquet" for stage in ("score", "ingest", "fuse")]
    bursts = [[row.time_us for row in clip.rows] for clip in read_clips(paths, primary=QualityRow)]
    for one in scored.show(queue):
        burst = next(times for times in bursts if one.frame.time_us in times)
        at = burst.index(one.frame.time_us)
        assert (one.before.time_us if one.before else None) == (burst[at - 1] if at else None)
        assert (one.after.time_us if one.after else None) == (burst[at + 1] if at + 1 < len(burst) else None)
    assert len(list(keys(project))) == 8 and np.sum([len(burst) for burst in bursts]) == 8
