"""The report names the flagged labels that are most worth a look."""

from __future__ import annotations

from dataclasses import replace

import pytest

from qa.report import ReportInputs
from qa.report_data import LEFT_OUT, FrameInfo, read_frames
from qa.report_queue import ROWS, review_rows


@pytest.fixture(scope="module")
def frames(report_inputs: ReportInputs) -> list[FrameInfo]:
    return read_frames(report_inputs.frames, report_inputs.quality, report_inputs.curated)


def gaining(frame: FrameInfo, gain: float, **values: object) -> FrameInfo:
    kept = tuple(pair for pair in frame.signals if pair[0] != "review_gain")
    return replace(frame, signals=(*kept, ("review_gain", gain)), **values)


def test_flagged_labels_come_by_gain(frames: list[FrameInfo]) -> None:
    first, second, *_ = (frame for frame in frames if frame.flagged and frame.role != "keyed")
    sound = next(frame for frame in frames if not frame.flagged)
    rows = review_rows([gaining(first, 0.4), gaining(second, 1.7), gaining(sound, 9.0)])
    assert [(frame.key, gain) for frame, gain in rows] == [(second.key, 1.7), (first.key, 0.4)]


def test_what_is_vouched_for_needs_no_review(frames: list[FrameInfo]) -> None:
    flagged = next(frame for frame in frames if frame.flagged and frame.role != "keyed")
    assert review_rows([gaining(flagged, 1, group="gold"), gaining(flagged, 1, role="keyed")]) == []


def test_a_long_list_is_cut(frames: list[FrameInfo]) -> None:
    many = [gaining(frames[0], k, group=LEFT_OUT, role="footage", key=("s", k)) for k in range(3 * ROWS)]
    rows = review_rows(many)
    assert [gain for _, gain in rows] == [float(3 * ROWS - 1 - k) for k in range(ROWS)]
