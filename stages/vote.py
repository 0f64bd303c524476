"""Stage `vote`: one teacher's opinion of every frame. Each teacher is a stage instance of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from pydantic import Field, SerializeAsAny

from datasets.clips import Clip, ClipMemory
from datasets.decoded import LATELY
from datasets.images import decode_grey, encode_png
from datasets.schema import BoxRow, FrameRow, VoteRow
from stages.base import ClipStage, Config, Drop
from stages.paste import Window
from stages.teachers.base import Teacher, TeacherConfig

_CLIPS = ClipMemory()
"""This process's: teachers that share a worker see the same shard one after the other."""


class NamedTeacher(Config):
    """The configuration of one `vote` stage.

    Attributes:
        name: the teacher's name in `params.yaml`.
        teacher: its declaration.
        min_box_score: boxes with a lower confidence are not shown to the teacher.
    """

    name: str
    teacher: SerializeAsAny[TeacherConfig]
    min_box_score: float = Field(default=0.25, ge=0, le=1)


class Vote(ClipStage[VoteRow]):
    """Shows every frame and its people to one teacher; person-free backgrounds are dropped."""

    name = "vote"
    consumes = (FrameRow, BoxRow)
    produces = VoteRow
    config: NamedTeacher

    def __init__(self, config: NamedTeacher, *, root: Path = Path()) -> None:
        super().__init__(config, root=root)
        self.libraries = (*type(self).libraries, *config.teacher.libraries)
        self._teacher: Teacher | None = None

    def modules(self) -> Sequence[str]:
        return (*super().modules(), type(self.config.teacher).__module__)

    def weights(self) -> Sequence[str]:
        return self.config.teacher.files

    def setup(self) -> None:
        self._teacher = self.config.teacher.open(self.root)

    def items(self, inputs: Sequence[Path]) -> Iterator[Clip]:
        return _CLIPS.read(inputs, primary=FrameRow)

    def process(self, item: Clip) -> Iterable[VoteRow | Drop]:
        if self._teacher is None:
            raise RuntimeError(f"teacher {self.config.name} is not open: call setup() first")
        for frame, people in zip(item.frames, item.boxes, strict=True):
            assert frame is not None
            if frame.role == "background":
                yield Drop("background", count=1)
            else:
                yield self._vote(self._teacher, frame, confident(people, self.config.min_box_score))

    def _vote(self, teacher: Teacher, frame: FrameRow, boxes: Sequence[Window]) -> VoteRow:
        image = LATELY.decode(frame.image, teacher.reduction(frame.width, frame.height, boxes))
        mask = decode_grey(frame.mask) if frame.mask else None
        with self.model_time():
            ballot = teacher.predict(image, boxes, mask)
        return VoteRow(
            source=frame.source,
            clip=frame.clip,
            burst=frame.burst,
            time_us=frame.time_us,
            teacher=self.config.name,
            windows=[[float(edge) for edge in window] for window, _ in ballot],
            maps=[encode_png(grey) for _, grey in ballot],
        )

    def teardown(self) -> None:
        self._teacher = None


def confident(people: BoxRow | None, min_score: float) -> list[Window]:
    """Boxes with at least `min_score`, best first; none where detection has no row for the frame."""
    if people is None:
        return []
    return [box for box, score in zip(people.boxes, people.scores, strict=True) if score >= min_score]
