"""The real stages with a decoder and a teacher that end the process in the middle of their work."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence

from datasets.schema import FrameRow, VoteRow
from stages import ingest
from stages.ingest import Ingest, Item
from stages.paste import Window
from stages.teachers.base import Teacher
from stages.vote import Vote

POISON = "poison.mp4"
DEADLY_CLIP = 1


class CrashingIngest(Ingest):
    """Decodes ten frames of the file POISON, then aborts, as a broken native decoder would."""

    def _rows(self, item: Item) -> Iterator[FrameRow]:
        whole = ingest.decode

        def decode(*arguments, **options):  # type: ignore[no-untyped-def]
            yield from itertools.islice(whole(*arguments, **options), 10)
            os.abort()

        if item.path.name == POISON:
            ingest.decode = decode  # the process ends before anyone else could use it
        yield from super()._rows(item)


class CrashingVote(Vote):
    """Its teacher aborts at the second frame of the clip DEADLY_CLIP."""

    def _vote(self, teacher: Teacher, frame: FrameRow, boxes: Sequence[Window]) -> VoteRow:
        if frame.clip == DEADLY_CLIP and frame.name != "000001000000":
            os.abort()
        return super()._vote(teacher, frame, boxes)
