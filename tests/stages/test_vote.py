"""One teacher's votes for a burst: what it is shown, what is dropped, what is written."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from datasets.clips import Clip
from datasets.images import Grey, Image, Reduction, decode_grey, encode_jpeg, encode_png
from datasets.schema import BoxRow, FrameRow, VoteRow
from datasets.shards import write_rows
from stages.base import Drop
from stages.paste import Window
from stages.teachers.annotation import AnnotationConfig
from stages.teachers.base import Ballot, TeacherConfig
from stages.vote import NamedTeacher, Vote, confident


class Echo:
    """Votes with each box's rank: 10 for the best, 20 for the next. Remembers the shape of what it was shown."""

    shown: tuple[int, ...] = ()

    def __init__(self, reduction: Reduction = 1) -> None:
        self._reduction = reduction

    def reduction(self, width: int, height: int, boxes: Sequence[Window]) -> Reduction:
        return self._reduction

    def predict(self, image: Image, boxes: Sequence[Window], mask: Grey | None = None) -> Ballot:
        Echo.shown = image.shape
        return [(box, np.full((2, 3), 10 * rank, np.uint8)) for rank, box in enumerate(boxes, start=1)]


class EchoConfig(TeacherConfig):
    libraries = ("pydantic",)
    shrinks: Literal[1, 2, 4, 8] = 1

    @property
    def files(self) -> tuple[str, ...]:
        return ("models/echo.bin",)

    def open(self, root: Path) -> Echo:
        return Echo(self.shrinks)


def _boxes(frame: FrameRow, *scores: float) -> BoxRow:
    boxes = [[0.1 * index, 0.0, 0.1 * index + 0.5, 1.0] for index in range(len(scores))]
    return BoxRow(
        source=frame.source, clip=frame.clip, burst=frame.burst, time_us=frame.time_us,
        boxes=boxes, scores=list(scores), support=[1] * len(scores),
    )  # fmt: skip


def _stage(teacher: TeacherConfig | None = None) -> Vote:
    stage = Vote(NamedTeacher(name="echo", teacher=teacher or EchoConfig(), min_box_score=0.25))
    stage.setup()
    return stage


def test_a_vote_holds_windows_and_maps_of_the_confident_boxes(frame: Callable[..., FrameRow]) -> None:
    row = frame()
    clip = Clip((row,), {BoxRow: (_boxes(row, 0.9, 0.25, 0.2),)})
    (vote,) = _stage().process(clip)
    assert isinstance(vote, VoteRow) and vote.teacher == "echo" and vote.frame_key == row.frame_key
    assert vote.windows == [[0.0, 0.0, 0.5, 1.0], [0.1, 0.0, 0.6, 1.0]]
    assert [decode_grey(data).tolist() for data in vote.maps] == [[[10] * 3] * 2, [[20] * 3] * 2]


def test_a_frame_without_people_or_without_boxes_abstains(frame: Callable[..., FrameRow]) -> None:
    row = frame()
    for boxes in (_boxes(row, 0.1), None):
        (vote,) = _stage().process(Clip((row,), {BoxRow: (boxes,)}))
        assert isinstance(vote, VoteRow) and vote.windows == [] and vote.maps == []


def test_backgrounds_are_dropped_one_by_one_and_the_order_stays(frame: Callable[..., FrameRow]) -> None:
    rows = (frame(), frame(time_us=1, role="background"), frame(time_us=2, role="keyed"))
    first, dropped, last = _stage().process(Clip(rows))
    assert isinstance(first, VoteRow) and isinstance(last, VoteRow) and last.time_us == 2
    assert dropped == Drop("background", count=1)


def test_the_frames_own_mask_reaches_the_teacher(frame: Callable[..., FrameRow]) -> None:
    mask = np.random.default_rng(0).integers(0, 256, (24, 32), np.uint8)
    rows = (frame(mask=encode_png(mask)), frame(time_us=1))
    voted, abstained = _stage(AnnotationConfig()).process(Clip(rows))
    assert isinstance(voted, VoteRow) and np.array_equal(decode_grey(voted.maps[0]), mask)
    assert isinstance(abstained, VoteRow) and abstained.maps == []


def test_items_join_frames_and_boxes(tmp_path: Path, frame: Callable[..., FrameRow]) -> None:
    rows = [frame(), frame(time_us=1), frame(burst=1, time_us=9)]
    write_rows(tmp_path / "frames.parquet", rows, FrameRow)
    write_rows(tmp_path / "boxes.parquet", [_boxes(row, 0.8) for row in (rows[0], rows[2])], BoxRow)
    stage = _stage()
    clips = list(stage.items([tmp_path / "frames.parquet", tmp_path / "boxes.parquet"]))
    votes = [row for clip in clips for row in stage.process(clip)]
    assert [stage.size(clip) for clip in clips] == [2, 1]
    assert [len(vote.maps) for vote in votes if isinstance(vote, VoteRow)] == [1, 0, 1]


def test_what_enters_the_keys() -> None:
    stage = Vote(NamedTeacher(name="echo", teacher=EchoConfig()))
    assert list(stage.weights()) == ["models/echo.bin"]
    assert set(stage.libraries) == {"numpy", "opencv-python-headless", "pydantic"}
    assert stage.modules() == ("stages.vote", EchoConfig.__module__)


def test_a_burst_before_setup_is_an_error(frame: Callable[..., FrameRow]) -> None:
    with pytest.raises(RuntimeError, match="echo is not open"):
        list(Vote(NamedTeacher(name="echo", teacher=EchoConfig())).process(Clip((frame(),))))


def test_time_in_the_teacher_is_counted(frame: Callable[..., FrameRow]) -> None:
    stage = _stage()
    list(stage.process(Clip((frame(),))))
    assert stage.model_seconds > 0


def test_confident_boxes_keep_their_order(frame: Callable[..., FrameRow]) -> None:
    row = _boxes(frame(), 0.9, 0.5, 0.4)
    assert confident(row, 0.5) == row.boxes[:2] and confident(None, 0.5) == []


def test_a_teacher_is_shown_the_frame_as_small_as_it_asks_for(frame: Callable[..., FrameRow]) -> None:
    row = frame(width=64, height=48, image=encode_jpeg(np.zeros((48, 64, 3), np.uint8)))
    list(_stage(EchoConfig(shrinks=4)).process(Clip((row,), {BoxRow: (_boxes(row, 0.9),)})))
    assert Echo.shown == (12, 16, 3)
