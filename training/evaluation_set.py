"""The bursts a student is measured on: the keyed test clip with its exact alpha, and the test split with its labels."""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np
import pyarrow.parquet as pq

from datasets.images import Grey, Image, decode_grey, decode_rgb
from datasets.schema import CuratedRow, FrameRow, LabelRow, Row, VoteRow
from stages.paste import paste
from training.data import Place, scan
from training.letterbox import resize

R = TypeVar("R", bound=Row)
FrameKey = tuple[str, int]
BurstKeys = tuple[FrameKey, ...]


@dataclass(frozen=True)
class EvaluationShards:
    """Shards of the stages that evaluation reads; `votes` by teacher."""

    frames: Sequence[Path]
    curated: Sequence[Path]
    labels: Sequence[Path] = ()
    boxes: Sequence[Path] = ()
    votes: Mapping[str, Sequence[Path]] = field(default_factory=dict)


@dataclass(frozen=True)
class MeasuredBurst:
    """One burst to measure on; all sequences are aligned frame by frame.

    Attributes:
        set: `keyed` (truth is exact) or `test` (truth is the curated label). name: for people.
        images: `(H, W, 3)` uint8. truths: `(H, W)` uint8 of the same size. times: microseconds.
        methods: what each teacher voted and, in the keyed set, the fused label, at the frame's size; None where a
            method has nothing for a frame. A teacher that speaks elsewhere and abstains here found no person: an
            empty mask.
        clip: source and number of the clip that the burst is of.
        scenarios: names of each frame's scenario groups (`qa.scenarios`), as curated; empty where nothing is known.
    """

    set: str
    name: str
    times: tuple[int, ...]
    images: tuple[Image, ...]
    truths: tuple[Grey, ...]
    methods: Mapping[str, tuple[Grey | None, ...]]
    clip: tuple[str, int] = ("", 0)
    scenarios: tuple[tuple[str, ...], ...] = ()


def find_keyed(shards: EvaluationShards) -> list[BurstKeys]:
    """Keys of every burst of the keyed test clip."""
    return _find_bursts(shards.frames, FrameRow, {"role": "keyed"})


def find_test(shards: EvaluationShards, *, max_frames: int, split: str = "test") -> list[BurstKeys]:
    """Keys of bursts of a split without the keyed clip: about `max_frames` frames, spread evenly."""
    bursts = _find_bursts(shards.curated, CuratedRow, {"split": split, "role": "footage"})
    total = sum(len(burst) for burst in bursts)
    keep = max(1, round(len(bursts) * min(max_frames / total, 1))) if total else 0
    picks = np.linspace(0, len(bursts) - 1, keep).round().astype(int)
    return [bursts[index] for index in picks]


def read_keyed(shards: EvaluationShards, bursts: Sequence[BurstKeys]) -> Iterator[MeasuredBurst]:
    """The keyed bursts decoded one by one, with every teacher's vote and the fused label."""
    wanted = {key for burst in bursts for key in burst}
    frames = RowIndex(shards.frames, FrameRow, wanted)
    labels = RowIndex(shards.labels, LabelRow, wanted)
    votes = _teachers(shards, wanted)
    scenarios = _scenarios(shards.curated, wanted)
    for burst in bursts:
        rows = [frames[key] for key in burst]
        sizes = [(row.height, row.width) for row in rows]
        methods = {teacher: _votes(index, burst, sizes) for teacher, index in votes.items()}
        methods["label"] = tuple(
            resize(decode_grey(labels[key].alpha), size) if key in labels else None
            for key, size in zip(burst, sizes, strict=True)
        )
        yield MeasuredBurst(
            set="keyed",
            name=f"{rows[0].path} clip {rows[0].clip} burst {rows[0].burst}",
            times=tuple(row.time_us for row in rows),
            images=tuple(decode_rgb(row.image) for row in rows),
            truths=tuple(decode_grey(row.truth) for row in rows),
            methods=methods,
            clip=(rows[0].source, rows[0].clip),
            scenarios=tuple(scenarios.get(key, ()) for key in burst),
        )


def read_test(shards: EvaluationShards, bursts: Sequence[BurstKeys]) -> Iterator[MeasuredBurst]:
    """The test split's bursts decoded one by one, with every teacher's vote; the curated label is the truth."""
    wanted = {key for burst in bursts for key in burst}
    curated = RowIndex(shards.curated, CuratedRow, wanted)
    votes = _teachers(shards, wanted)
    for burst in bursts:
        rows = [curated[key] for key in burst]
        images = [decode_rgb(row.image) for row in rows]
        sizes = [(image.shape[0], image.shape[1]) for image in images]
        yield MeasuredBurst(
            set="test",
            name=f"{rows[0].path} clip {rows[0].clip} burst {rows[0].burst}",
            times=tuple(row.time_us for row in rows),
            images=tuple(images),
            truths=tuple(resize(decode_grey(row.alpha), size) for row, size in zip(rows, sizes, strict=True)),
            methods={teacher: _votes(index, burst, sizes) for teacher, index in votes.items()},
            clip=(rows[0].source, rows[0].clip),
            scenarios=tuple(tuple(row.scenarios) for row in rows),
        )


class RowIndex(Generic[R]):
    """Rows of many shards by frame key, read when asked for; at most `CACHED` row groups are held in memory.

    Args:
        wanted: keys to index; rows of other frames are left alone.
    """

    CACHED = 4

    def __init__(self, shards: Sequence[Path], row_type: type[R], wanted: Collection[FrameKey]) -> None:
        self._row_type = row_type
        self._places: dict[FrameKey, Place] = {}
        self._load = functools.lru_cache(maxsize=self.CACHED)(_read_row_group)
        for place, values in scan(shards, row_type, ("source", "time_us")):
            key = (values["source"], values["time_us"])
            if key in wanted:
                self._places[key] = place

    def __contains__(self, key: FrameKey) -> bool:
        return key in self._places

    def __getitem__(self, key: FrameKey) -> R:
        """The row of a frame.

        Raises:
            KeyError: no shard holds the frame.
        """
        place = self._places[key]
        return self._row_type.from_arrow(self._load(place.path, place.row_group)[place.row])


def _find_bursts(shards: Sequence[Path], row_type: type[Row], wanted: Mapping[str, str]) -> list[BurstKeys]:
    """Frame keys, burst by burst, of the rows whose columns have the wanted values."""
    bursts: dict[tuple[str, int, int], list[FrameKey]] = {}
    for _, values in scan(shards, row_type, ("source", "clip", "burst", "time_us", *wanted)):
        if all(values[name] == value for name, value in wanted.items()):
            burst = (values["source"], values["clip"], values["burst"])
            bursts.setdefault(burst, []).append((values["source"], values["time_us"]))
    return [tuple(bursts[key]) for key in sorted(bursts)]


def _scenarios(curated: Sequence[Path], wanted: Collection[FrameKey]) -> dict[FrameKey, tuple[str, ...]]:
    """Scenario groups of the wanted frames; one that curate left out is missing."""
    rows = (values for _, values in scan(curated, CuratedRow, ("source", "time_us", "scenarios")))
    found = (((values["source"], values["time_us"]), tuple(values["scenarios"])) for values in rows)
    return {key: names for key, names in found if key in wanted}


def _teachers(shards: EvaluationShards, wanted: Collection[FrameKey]) -> dict[str, RowIndex[VoteRow]]:
    """Votes by teacher; one that abstained on every wanted frame (a keyer, without a screen) is not compared."""
    found = {}
    for teacher, paths in sorted(shards.votes.items()):
        rows = (values for _, values in scan(paths, VoteRow, ("source", "time_us", "windows")))
        if any(values["windows"] and (values["source"], values["time_us"]) in wanted for values in rows):
            found[teacher] = RowIndex(paths, VoteRow, wanted)
    return found


def _votes(index: RowIndex[VoteRow], burst: BurstKeys, sizes: Sequence[tuple[int, int]]) -> tuple[Grey | None, ...]:
    found: list[Grey | None] = []
    for key, (height, width) in zip(burst, sizes, strict=True):
        vote = paste(index[key], width, height) if key in index else None
        # A teacher that looked and abstained has found no person.
        found.append(np.zeros((height, width), np.uint8) if vote is None and key in index else vote)
    return tuple(found)


def _read_row_group(path: Path, row_group: int) -> list[dict[str, Any]]:
    with pq.ParquetFile(path) as file:
        rows: list[dict[str, Any]] = file.read_row_group(row_group).to_pylist()
    return rows
