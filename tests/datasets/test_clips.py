from __future__ import annotations

import pytest

from datasets import clips
from datasets.clips import ClipMemory, read_clips
from datasets.schema import BoxRow, FrameRow, VoteRow
from datasets.shards import ShardError, write_rows


def boxes(row, **values):
    defaults = {"boxes": [[0.0, 0.0, 1.0, 1.0]], "scores": [0.9], "support": [1]}
    return BoxRow(source=row.source, clip=row.clip, burst=row.burst, time_us=row.time_us, **(defaults | values))


def vote(row, teacher):
    return VoteRow(
        source=row.source, clip=row.clip, burst=row.burst, time_us=row.time_us, teacher=teacher,
        windows=[[0.0, 0.0, 1.0, 1.0]], maps=[b"m"],
    )  # fmt: skip


@pytest.fixture
def frames(frame):
    return [frame(burst=b, time_us=b * 100 + t) for b in range(3) for t in range(2)]


def test_bursts_are_joined_frame_by_frame(tmp_path, frames):
    write_rows(tmp_path / "f", frames, FrameRow)
    write_rows(tmp_path / "b", [boxes(f) for f in frames], BoxRow)
    write_rows(tmp_path / "v1", [vote(f, "two") for f in frames], VoteRow)
    write_rows(tmp_path / "v2", [vote(f, "one") for f in frames], VoteRow)
    clips = list(read_clips([tmp_path / n for n in ("v1", "b", "f", "v2")], primary=FrameRow))
    assert [len(clip) for clip in clips] == [2, 2, 2]
    assert [f.time_us for f in clips[1].frames] == [100, 101]
    assert [b.time_us for b in clips[1].boxes] == [100, 101]
    assert list(clips[1].votes) == ["one", "two"]
    assert clips[1].labels == (None, None)


def test_frames_that_an_earlier_stage_lost_are_none(tmp_path, frames):
    write_rows(tmp_path / "f", frames, FrameRow)
    write_rows(tmp_path / "b", [boxes(f) for f in frames if f.time_us in (1, 200)], BoxRow)
    clips = list(read_clips([tmp_path / "f", tmp_path / "b"], primary=FrameRow))
    assert [[b and b.time_us for b in clip.boxes] for clip in clips] == [[None, 1], [None, None], [200, None]]


def test_the_primary_rows_decide_which_bursts_there_are(tmp_path, frames):
    write_rows(tmp_path / "f", frames, FrameRow)
    write_rows(tmp_path / "b", [boxes(f) for f in frames[2:4]], BoxRow)
    clips = list(read_clips([tmp_path / "f", tmp_path / "b"], primary=BoxRow))
    assert [[row.time_us for row in clip.frames] for clip in clips] == [[100, 101]]


def test_without_a_primary_shard_it_refuses(tmp_path, frames):
    write_rows(tmp_path / "f", frames, FrameRow)
    with pytest.raises(ShardError, match="expected one BoxRow shard"):
        list(read_clips([tmp_path / "f"], primary=BoxRow))


def test_a_clip_describes_itself_for_people(tmp_path, frames):
    write_rows(tmp_path / "f", frames, FrameRow)
    clip = list(read_clips([tmp_path / "f"], primary=FrameRow))[2]
    assert clip.describe() == "film.mp4 clip 0 burst 2 (0.00-0.00 s)"


@pytest.fixture
def readings(monkeypatch):
    """How often shards are really read."""
    made = []

    def counting(inputs, *, primary):
        made.append([path.name for path in inputs])
        return read_clips(inputs, primary=primary)

    monkeypatch.setattr(clips, "read_clips", counting)
    return made


def test_the_shards_that_were_read_last_are_not_read_again(tmp_path, frames, readings):
    write_rows(tmp_path / "f", frames, FrameRow)
    write_rows(tmp_path / "g", frames[:2], FrameRow)
    memory = ClipMemory()
    expected = list(read_clips([tmp_path / "f"], primary=FrameRow))
    assert list(memory.read([tmp_path / "f"], primary=FrameRow)) == expected
    assert list(memory.read([tmp_path / "f"], primary=FrameRow)) == expected
    assert len(list(memory.read([tmp_path / "g"], primary=FrameRow))) == 1
    assert list(memory.read([tmp_path / "f"], primary=FrameRow)) == expected
    assert readings == [["f"], ["g"], ["f"]]


def test_a_shard_that_was_replaced_a_large_one_and_one_left_half_read_are_read_again(tmp_path, frames, readings):
    path = tmp_path / "f"
    write_rows(path, frames, FrameRow)
    memory = ClipMemory()
    next(memory.read([path], primary=FrameRow))
    assert len(list(memory.read([path], primary=FrameRow))) == 3
    write_rows(tmp_path / "new", frames[:2], FrameRow)
    (tmp_path / "new").replace(path)
    assert len(list(memory.read([path], primary=FrameRow))) == 1
    tight = ClipMemory(limit=10)
    assert len(list(tight.read([path], primary=FrameRow))) == len(list(tight.read([path], primary=FrameRow))) == 1
    assert len(readings) == 5
