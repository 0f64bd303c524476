"""Samples of the student's training set: read from shards at random, with bounded memory, the same for every run."""

from __future__ import annotations

import functools
import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow.parquet as pq

from datasets.images import Grey, Image, decode_grey, decode_rgb
from datasets.schema import GROUPS, ClipRow, CuratedRow, Row
from datasets.shards import ShardError, check_schema
from training.letterbox import resize

LONGEST = 512
"""Longest side of a real frame while it is augmented: twice the width that the default student sees."""

DECODED = 256
"""Real frames kept decoded, a quarter of a gigabyte at most: they are large, and small data sets repeat them often."""

CLIP_COLUMNS = ("images", "alphas", "trusts", "group")
CURATED_COLUMNS = ("source", "clip", "burst", "width", "height", "image", "alpha", "trust", "group")


@dataclass(frozen=True)
class Moment:
    """A decoded frame to learn from, and the one before it where that was asked for.

    Attributes:
        image: `(H, W, 3)` uint8. alpha, trust: `(H, W)` uint8.
        previous: image and alpha of the frame before (of this one, where the burst begins with it), or None.
        group: of the label.
        foreground: `(H, W, 3)` uint8 the person's own colours, where they were asked for and are known.
    """

    image: Image
    alpha: Grey
    trust: Grey
    previous: tuple[Image, Grey] | None
    group: str
    foreground: Image | None = None


@dataclass(frozen=True)
class Place:
    """Where a row lies: the shard, its row group, the row within that."""

    path: Path
    row_group: int
    row: int


def find_rows(
    shards: Sequence[Path], row_type: type[ClipRow] | type[CuratedRow], *, split: str, weights: Mapping[str, float]
) -> list[Place]:
    """Places of the rows of one split whose group has a weight above 0, in shard order. Reads no image.

    Raises:
        ShardError: a file is no shard of `row_type`.
    """
    return [place for place, _ in _wanted(shards, row_type, split, weights)]


def find_balanced_rows(
    shards: Sequence[Path],
    row_type: type[ClipRow] | type[CuratedRow],
    *,
    split: str,
    weights: Mapping[str, float],
    max_repeats: int,
) -> list[Place]:
    """As `find_rows`, rows of rarer subjects repeated, up to `max_repeats` times, until subjects come about even.

    A student that sees one person most of the time learns that person.
    """
    found = list(_wanted(shards, row_type, split, weights))
    counts = Counter(subject for _, subject in found)
    most = max(counts.values(), default=0)
    return [place for place, subject in found for _ in range(min(round(most / counts[subject]), max_repeats))]


def _wanted(
    shards: Sequence[Path], row_type: type[Row], split: str, weights: Mapping[str, float]
) -> Iterator[tuple[Place, str]]:
    """Place and subject of every row of the split whose group has a weight."""
    for place, values in scan(sorted(shards), row_type, ("split", "group", "subject")):
        if values["split"] == split and weights.get(values["group"], 0.0) > 0:
            yield place, values["subject"]


def scan(shards: Sequence[Path], row_type: type[Row], columns: Sequence[str]) -> Iterator[tuple[Place, dict[str, Any]]]:
    """Every row's place and its values of a few columns, in shard order; the other columns are not read.

    Raises:
        ShardError: a file is no shard of `row_type`.
    """
    for path in shards:
        with pq.ParquetFile(path) as file:
            check_schema(path, file.schema_arrow, row_type)
            for index in range(file.num_row_groups):
                rows = file.read_row_group(index, columns=list(columns)).to_pylist()
                for row, values in enumerate(rows):
                    yield Place(path, index, row), values


def read_weights(path: Path | None) -> dict[str, float]:
    """Weight of each group from `weights.parquet` (columns `group`, `weight`); without a file 1, and 0 for rejects.

    Raises:
        ShardError: a column or a group is missing.
    """
    if path is None:
        return {group: float(group != "reject") for group in GROUPS}
    table = pq.read_table(path).to_pydict()
    if not {"group", "weight"} <= set(table):
        raise ShardError(f"{path}: expected columns group and weight, got {sorted(table)}; run the curate stage again")
    return dict(zip(table["group"], map(float, table["weight"]), strict=True))


def read_band_weights(path: Path | None) -> dict[str, float]:
    """Weight of each group in the band around its contours (column `band_weight`); where there is none, its weight."""
    weights = read_weights(path)
    if path is None:
        return weights
    table = pq.read_table(path).to_pydict()
    return weights | dict(zip(table["group"], map(float, table.get("band_weight", table["weight"])), strict=True))


class ShuffledRows:
    """An endless, seeded, random order over rows that lie on disk; any position can be asked for, in any run.

    Every epoch visits each row once. Row groups are shuffled, and rows only within `pool` consecutive row groups, so
    that a reader walking along keeps no more than about `pool` row groups in memory.
    """

    def __init__(self, places: Sequence[Place], *, seed: int, pool: int) -> None:
        self._groups = [list(rows) for _, rows in itertools.groupby(places, key=lambda p: (p.path, p.row_group))]
        self._seed, self._pool = seed, pool
        self._length = len(places)
        self._order = functools.lru_cache(maxsize=2)(self._shuffle)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, position: int) -> Place:
        """The row at `position`, counted over all epochs."""
        epoch, index = divmod(position, self._length)
        return self._order(epoch)[index]

    def _shuffle(self, epoch: int) -> list[Place]:
        rng = np.random.default_rng([self._seed, epoch])
        shuffled = [self._groups[index] for index in rng.permutation(len(self._groups))]
        order: list[Place] = []
        for start in range(0, len(shuffled), self._pool):
            rows = list(itertools.chain.from_iterable(shuffled[start : start + self._pool]))
            order += [rows[index] for index in rng.permutation(len(rows))]
        return order


class MomentReader:
    """Decodes moments of rows; the `pool` row groups last used stay in memory as bytes, some real frames as pixels."""

    def __init__(self, row_type: type[ClipRow] | type[CuratedRow], *, pool: int, foreground: bool = False) -> None:
        self._foreground = foreground and row_type is CuratedRow
        self._columns: tuple[str, ...] = CLIP_COLUMNS if row_type is ClipRow else CURATED_COLUMNS
        self._columns += ("foreground",) if self._foreground else ()
        self._rows = functools.lru_cache(maxsize=pool)(self._load)
        self._frame = functools.lru_cache(maxsize=DECODED)(self._decode)
        self._moment = self._clip_moment if row_type is ClipRow else self._curated_moment

    def __call__(self, place: Place, rng: np.random.Generator, *, previous: bool) -> Moment:
        """The moment of a row, with the frame before it if `previous`; of a clip, `rng` picks the frame."""
        return self._moment(place, rng, previous)

    def _load(self, path: Path, row_group: int) -> list[dict[str, Any]]:
        with pq.ParquetFile(path) as file:
            rows: list[dict[str, Any]] = file.read_row_group(row_group, columns=list(self._columns)).to_pylist()
        return rows

    def _clip_moment(self, place: Place, rng: np.random.Generator, previous: bool) -> Moment:
        row = self._rows(place.path, place.row_group)[place.row]
        now = int(rng.integers(len(row["images"])))
        before = max(now - 1, 0)
        return Moment(
            image=decode_rgb(row["images"][now]),
            alpha=decode_grey(row["alphas"][now]),
            trust=decode_grey(row["trusts"][now]),
            previous=(decode_rgb(row["images"][before]), decode_grey(row["alphas"][before])) if previous else None,
            group=row["group"],
        )

    def _curated_moment(self, place: Place, rng: np.random.Generator, previous: bool) -> Moment:
        rows = self._rows(place.path, place.row_group)
        row, neighbour = rows[place.row], rows[max(place.row - 1, 0)]
        same_burst = all(row[name] == neighbour[name] for name in ("source", "clip", "burst"))
        image, alpha, trust = self._frame(place)
        earlier = replace(place, row=max(place.row - 1, 0)) if same_burst else place
        painted = None
        if self._foreground and row["foreground"]:
            painted = resize(decode_rgb(row["foreground"]), (alpha.shape[0], alpha.shape[1]))
        return Moment(image, alpha, trust, self._frame(earlier)[:2] if previous else None, row["group"], painted)

    def _decode(self, place: Place) -> tuple[Image, Grey, Grey]:
        return _decode_small(self._rows(place.path, place.row_group)[place.row])


def _decode_small(row: dict[str, Any]) -> tuple[Image, Grey, Grey]:
    """Image, alpha and trust of a curated row at one size, at most `LONGEST` pixels long; read-only.

    Large photos cost time, and alias when views of them are drawn.
    """
    alpha = decode_grey(row["alpha"])
    scale = min(LONGEST / max(alpha.shape), 1.0)
    size = (max(round(alpha.shape[0] * scale), 1), max(round(alpha.shape[1] * scale), 1))
    excess = max(row["width"], row["height"]) / max(size)
    frame = (
        resize(_decode_reduced(row["image"], excess), size),
        resize(alpha, size),
        resize(decode_grey(row["trust"]), size),
    )
    for pixels in frame:
        pixels.flags.writeable = False  # the next sample of the same frame must find it as it is
    return frame


def _decode_reduced(data: bytes, excess: float) -> Image:
    """`(h, w, 3)` uint8 RGB of an encoded image, already halved, quartered or eighthed where `excess` allows it.

    A JPEG is decoded at the smaller size, in a fraction of the time.
    """
    flags = {8: cv2.IMREAD_REDUCED_COLOR_8, 4: cv2.IMREAD_REDUCED_COLOR_4, 2: cv2.IMREAD_REDUCED_COLOR_2}
    for factor, flag in flags.items():
        if excess >= factor:
            pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flag)
            if pixels is None:
                break  # let the whole decode say what is wrong
            return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), dtype=np.uint8)
    return decode_rgb(data)
