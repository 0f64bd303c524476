"""Sources, frames and clips as the report counts them."""

import pytest

from qa.report_data import LEFT_OUT, UNGROUPED, clip_summaries, read_frames, read_sources


def test_sources_count_frames_clips_and_footage(report_inputs):
    sources = {source.path: source for source in read_sources(report_inputs.frames)}
    walk, photo = sources["demo/walk.mp4"], sources["demo/portrait.png"]
    assert (walk.frames, walk.clips, walk.licences) == (16, 1, ("MIT",))
    # Two bursts of eight frames at 25 fps that begin two seconds apart: 2 s + 8 frames of 40 ms.
    assert walk.seconds == pytest.approx(2.32)
    assert (photo.frames, photo.seconds) == (1, 0.0)


def test_frames_carry_what_score_says_where_an_error_is_named(report_inputs):
    frames = read_frames(report_inputs.frames, report_inputs.quality, report_inputs.curated)
    assert [(frame.path, frame.key) for frame in frames] == sorted((frame.path, frame.key) for frame in frames)
    flagged = [frame for frame in frames if frame.error]
    assert flagged and all(frame.error_box == (0.55, 0.6, 0.9, 1.0) and frame.flagged for frame in flagged)
    assert all(frame.error_box == () for frame in frames if not frame.error)
    assert dict(frames[0].signals)["agreement"] == frames[0].quality


def test_labels_that_curate_left_out_are_told_from_the_curated(report_inputs):
    frames = read_frames(report_inputs.frames, report_inputs.quality, report_inputs.curated)
    left_out = [frame for frame in frames if frame.group == LEFT_OUT]
    assert len(frames) == 41 and 0 < len(left_out) < 41
    assert all(frame.split == "" and frame.flagged for frame in left_out)
    assert max(frame.quality for frame in left_out) <= 0.4


def test_frames_stand_before_curate_and_without_their_footage(report_inputs):
    frames = read_frames((), report_inputs.quality, ())
    assert len(frames) == 41 and {frame.group for frame in frames} == {UNGROUPED}
    assert all(frame.path == frame.key[0][:12] for frame in frames)


def test_the_weakest_clip_comes_first_and_sums_up_its_frames(report_inputs):
    clips = clip_summaries(read_frames(report_inputs.frames, report_inputs.quality, report_inputs.curated))
    assert [clip.mean for clip in clips] == sorted(clip.mean for clip in clips)
    for clip in clips:
        assert clip.worst.quality == min(frame.quality for frame in clip.frames)
        assert sum(clip.groups.values()) == len(clip.frames)
        assert clip.flagged == sum(bool(frame.error) or frame.group == LEFT_OUT for frame in clip.frames)
