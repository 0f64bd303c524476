"""Strips of a clip and texts of a label."""

import math
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from qa.report_data import ClipSummary, read_frames
from qa.report_items import FULL_FLICKER, clip_strip, flicker_of, flicker_strip


@pytest.fixture(scope="module")
def clip(report_inputs) -> ClipSummary:
    frames = read_frames(report_inputs.frames, report_inputs.quality, report_inputs.curated)
    chosen = [frame for frame in frames if frame.path == "demo/walk.mp4"][:3]
    signals = [{"flow_iou": 1.0}, {"flow_iou": 1 - FULL_FLICKER / 2}, {}]
    return ClipSummary(
        "demo/walk.mp4", 0, tuple(replace(f, signals=tuple(s.items())) for f, s in zip(chosen, signals, strict=True))
    )


def heights(markup: str) -> list[float]:
    paths = [path.get("d") for path in ElementTree.fromstring(markup) if path.get("class") in ("good", "bad")]
    bars = [bar for path in paths for bar in path.split("M") if bar]
    return sorted(float(bar.split()[1].split("V")[0]) - float(bar.split("V")[1]) for bar in bars)


def test_flicker_is_what_the_neighbours_contradict(clip):
    assert [flicker_of(frame) for frame in clip.frames[:2]] == pytest.approx([0, FULL_FLICKER / 2])
    assert math.isnan(flicker_of(clip.frames[2]))


def test_the_strip_of_flicker_is_half_full_at_half_of_its_range(clip):
    low, middle, high = heights(flicker_strip(clip))
    assert low == middle == 0 and high == pytest.approx((28 - 9) / 2, abs=0.1)


def test_both_strips_say_what_they_show(clip):
    assert ElementTree.fromstring(clip_strip(clip)).get("aria-label").startswith("Quality of demo/walk.mp4 clip 0")
    assert "mean 0.013" in ElementTree.fromstring(flicker_strip(clip)).get("aria-label")


def test_without_a_neighbour_there_is_no_strip_of_flicker(clip):
    alone = replace(clip, frames=tuple(replace(frame, signals=()) for frame in clip.frames))
    assert flicker_strip(alone) == ""
