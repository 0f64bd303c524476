"""The split-screen player: the student beside the others on the keyed test clip, frame by frame, inside the page."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from datasets.images import decode_grey, decode_rgb
from qa.charts import Series
from qa.report_pictures import fitted, view
from qa.report_scores import STUDENT, method_name, method_order

TRUTH, FRAME = "truth", "frame"
"""What every frame has beside the methods' alphas."""


@dataclass(frozen=True)
class PlayerFrame:
    """One frame of the player.

    Attributes:
        pictures: name to JPEG data URI: `frame` in colour, `truth` and each method's alpha in grey.
        iou: of each method that has an answer.
    """

    burst: str
    seconds: float
    pictures: dict[str, str]
    iou: dict[str, float]

    @property
    def bytes(self) -> int:
        """What it adds to the page."""
        return sum(map(len, self.pictures.values()))


@dataclass(frozen=True)
class Player:
    """Frames in the order of time, all of one size in pixels, and which methods they show."""

    frames: tuple[PlayerFrame, ...]
    width: int
    height: int
    methods: tuple[str, ...]

    @property
    def bursts(self) -> int:
        """How many runs of consecutive frames there are."""
        return sum(1 for _ in itertools.groupby(frame.burst for frame in self.frames))

    @property
    def worst(self) -> int:
        """Index of the frame on which the student is farthest from the truth."""
        scores = [frame.iou.get(STUDENT, math.inf) for frame in self.frames]
        return scores.index(min(scores))

    def data(self) -> dict[str, Any]:
        """What the page's script reads."""
        bursts = [key for key, _ in itertools.groupby(frame.burst for frame in self.frames)]
        return {
            "names": {TRUTH: "truth", FRAME: "picture", **{method: method_name(method) for method in self.methods}},
            "bursts": bursts,
            "frames": [
                {
                    "burst": bursts.index(frame.burst),
                    "seconds": frame.seconds,
                    "pictures": frame.pictures,
                    "iou": frame.iou,
                }
                for frame in self.frames
            ],
        }

    def curves(self) -> list[Series]:
        """IoU over the frames, broken where a burst ends."""
        found = []
        for method in self.methods:
            points: list[tuple[float, float]] = []
            for index, frame in enumerate(self.frames):
                if index and frame.burst != self.frames[index - 1].burst:
                    points.append((index + 0.5, math.nan))
                points.append((index + 1, frame.iou.get(method, math.nan)))
            found.append(Series(method_name(method), points))
        return found


def read_player(path: Path, budget: int) -> Player | None:
    """The player of evaluate's `keyed_clip.parquet`, whole bursts up to `budget` bytes; None without a frame.

    Bursts are left out evenly until the rest fits. A row group is in memory at a time.
    """
    frames: list[PlayerFrame] = []
    methods: list[str] = []
    size = (0, 0)
    with pq.ParquetFile(path) as file:
        columns = [name.removeprefix("iou_") for name in file.schema_arrow.names if name.startswith("iou_")]
        methods = [method for method in method_order(columns) if method in file.schema_arrow.names]
        for group in range(file.num_row_groups):
            for row in file.read_row_group(group).to_pylist():
                colours = fitted(decode_rgb(row[FRAME]))
                if size in ((0, 0), colours.shape[:2]):  # the player's canvas has one size
                    size = colours.shape[0], colours.shape[1]
                    frames.append(_frame(row, view(FRAME, colours).uri, methods))
    spoken = tuple(method for method in methods if any(method in frame.pictures for frame in frames))
    kept = _thinned(frames, budget)
    return Player(tuple(kept), size[1], size[0], spoken) if kept and STUDENT in spoken else None


def _frame(row: dict[str, Any], colours: str, methods: Sequence[str]) -> PlayerFrame:
    greys = {name: view(name, fitted(decode_grey(row[name]))).uri for name in (TRUTH, *methods) if row[name]}
    iou = {method: float(row[f"iou_{method}"]) for method in methods if row[f"iou_{method}"] is not None}
    return PlayerFrame(row["burst"], row["time_us"] / 1e6, {FRAME: colours, **greys}, iou)


def _thinned(frames: Sequence[PlayerFrame], budget: int) -> list[PlayerFrame]:
    """Whole bursts, spread evenly over the clip, that fit the budget."""
    bursts = [list(group) for _, group in itertools.groupby(frames, key=lambda frame: frame.burst)]
    for count in range(len(bursts), 0, -1):
        chosen = [bursts[round(index * (len(bursts) - 1) / max(count - 1, 1))] for index in range(count)]
        if sum(frame.bytes for burst in chosen for frame in burst) <= budget:
            return [frame for burst in chosen for frame in burst]
    return []
