"""Backgrounds as clips are made on them: a still, or the frames of a burst of video."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property

from datasets.images import Image, decode_rgb
from datasets.schema import BackgroundRow
from stages.actor import Shape
from stages.render import fit_background


class Background:
    """One background, decoded when it is needed, no larger than a clip of `size` can use.

    A still is kept then. Frames of a video are not: few are shown again soon, and all of them are too many to keep.
    """

    def __init__(self, rows: Sequence[BackgroundRow], size: Shape) -> None:
        self.rows = tuple(rows)
        self._size = size

    @property
    def row(self) -> BackgroundRow:
        """The first frame's: source, path, split and licences are those of all."""
        return self.rows[0]

    @property
    def is_video(self) -> bool:
        return self.row.kind == "video"

    @property
    def keys(self) -> list[tuple[str, int]]:
        """`(source, time_us)` of every frame, in order."""
        return [row.frame_key for row in self.rows]

    def pictures(self, times: Iterable[int]) -> dict[int, Image]:
        """The frames at `times`, by `time_us`: `(H, W, 3)` uint8 RGB."""
        if not self.is_video:
            return {self.row.time_us: self._still}
        wanted = set(times)
        return {row.time_us: self._decoded(row) for row in self.rows if row.time_us in wanted}

    @cached_property
    def _still(self) -> Image:
        return self._decoded(self.row)

    def _decoded(self, row: BackgroundRow) -> Image:
        return fit_background(decode_rgb(row.image), self._size)


def backgrounds_of(rows: Iterable[BackgroundRow], size: Shape) -> Iterator[Background]:
    """The backgrounds that rows make, in order of their frame keys: a burst of video is one, of several rows."""

    def together(row: BackgroundRow) -> tuple[object, ...]:
        return (row.source, row.clip, row.burst) if row.kind == "video" else row.frame_key

    for _, group in itertools.groupby(sorted(rows, key=lambda row: row.frame_key), key=together):
        yield Background(list(group), size)
