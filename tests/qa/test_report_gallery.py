"""Which labels the gallery shows, and how a label is drawn on its frame."""

import base64
from dataclasses import replace

import pytest

from datasets.images import decode_rgb
from qa.report_data import LEFT_OUT, read_frames
from qa.report_gallery import choose, read_samples, tiles
from qa.report_pictures import SIDE


@pytest.fixture(scope="module")
def frames(report_inputs):
    return read_frames(report_inputs.frames, report_inputs.quality, report_inputs.curated)


@pytest.fixture(scope="module")
def shards(report_inputs):
    return {name: getattr(report_inputs, name) for name in ("frames", "labels", "curated", "votes")}


def test_all_are_shown_when_there_is_room_worst_first(frames):
    chosen = choose(frames, 100)
    assert sorted(frame.key for frame in chosen) == sorted(frame.key for frame in frames)
    assert [frame.quality for frame in chosen] == sorted(frame.quality for frame in frames)


def test_a_small_choice_holds_the_worst_of_several_bursts_and_some_of_every_clip(frames):
    chosen = choose(frames, 9)
    assert len(chosen) == 9 and chosen[0] == min(frames, key=lambda frame: frame.quality)
    assert {frame.path for frame in chosen} == {frame.path for frame in frames}


def test_the_choice_does_not_depend_on_the_order_of_equal_files(frames):
    assert choose(frames, 9) == choose(list(frames), 9)
    assert choose([], 9) == [] and choose(frames[:1], 9) == frames[:1]


def test_tiles_hold_small_pictures_and_every_vote(shards, frames):
    made = tiles(choose(frames, 12), **shards, budget=10**7)
    assert len(made) == 12 and all(tile.views for tile in made)
    names = [view.name for view in made[0].views]
    assert names[:4] == ["frame", "alpha", "trust", "disagreement"]
    assert names[4:] == sorted(made[0].votes) and len(names) >= 7 and set(names[4:]) <= set(shards["votes"])
    picture = decode_rgb(base64.b64decode(made[0].overlay.uri.partition(",")[2]))
    assert max(picture.shape) <= SIDE and picture.shape[:2] == (made[0].overlay.height, made[0].overlay.width)


def test_a_label_that_was_left_out_is_shown_as_it_was_fused(shards, frames):
    left_out = [frame for frame in frames if frame.group == LEFT_OUT][:3]
    assert len(tiles(left_out, **shards, budget=10**7)) == 3
    assert tiles(left_out, **shards | {"labels": ()}, budget=10**7) == []


def test_tiles_stop_at_the_budget_with_the_worst_kept(shards, frames):
    chosen = choose(frames, 12)
    full = tiles(chosen, **shards, budget=10**7)
    overlays = [len(tile.overlay.uri) for tile in full]
    some = tiles(chosen, **shards, budget=sum(overlays) + sum(tile.bytes for tile in full[:5]) - sum(overlays[:5]))
    assert some[:5] == full[:5]
    assert [tile.overlay for tile in some] == [tile.overlay for tile in full] and not any(t.views for t in some[5:])
    few = tiles(chosen, **shards, budget=sum(overlays[:5]))
    assert [tile.overlay for tile in few] == [tile.overlay for tile in full[:5]] and not few[0].views


def test_frames_that_are_gone_are_passed_over(shards, frames):
    ghost = replace(frames[0], key=("gone", 0))
    made = tiles([ghost, frames[1]], **shards, budget=10**7)
    assert [tile.frame for tile in made] == [frames[1]]


def test_samples_are_spread_over_the_file_in_column_order(report_inputs):
    samples = read_samples(report_inputs.samples, 3)
    assert [view.name for view in samples[0].views] == ["frame", "truth", "student", "selfie_landscape"]
    assert len(samples) == 3 and samples[0].caption.startswith("keyed · demo/walk.mp4")
    assert samples[-1] == read_samples(report_inputs.samples, 100)[-1]
