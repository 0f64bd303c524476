"""Where the teachers disagree: clip by clip, teacher by teacher and scenario by scenario."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from qa.metrics import as_mask, iou
from qa.report_gallery import Tile
from qa.report_heat import disagreement, heat_map
from qa.report_pictures import View, view

CLIP_LABELS = 2
"""A clip's map is the mean of at least so many labels."""


@dataclass(frozen=True)
class HeatCell:
    """A share 0-1 and how deep its cell is shaded, 0-1; not-a-number where nothing can be compared."""

    share: float
    depth: float

    @property
    def known(self) -> bool:
        """Whether there was anything to compare."""
        return math.isfinite(self.share)


@dataclass(frozen=True)
class HeatTable:
    """Named rows of cells under named columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[HeatCell, ...]], ...]


def clip_heats(tiles: Sequence[Tile]) -> dict[tuple[str, int], View]:
    """Mean disagreement over the shown labels of each clip that has several, by `(source, clip)`."""
    found: dict[tuple[str, int], list[NDArray[np.float32]]] = defaultdict(list)
    for tile in tiles:
        if tile.votes:
            found[tile.frame.key[0], tile.frame.clip].append(disagreement(list(tile.votes.values())))
    return {
        clip: view("disagreement", heat_map(np.asarray(np.mean(maps, axis=0), np.float32)))
        for clip, maps in found.items()
        if len(maps) >= CLIP_LABELS and len({one.shape for one in maps}) == 1
    }


def pair_table(tiles: Sequence[Tile]) -> HeatTable:
    """Mean 1 − IoU of every two teachers, and of each with the label, over the labels that both have a say on."""
    shares: dict[tuple[str, str], list[float]] = defaultdict(list)
    for tile in tiles:
        masks = _masks(tile)
        for first, second in itertools.combinations(masks, 2):
            shares[first, second].append(1 - iou(masks[first], masks[second]))
    means = {pair: math.fsum(values) / len(values) for pair, values in shares.items()}
    names = _names(tiles)
    deepest = max(means.values(), default=0.0)
    rows = tuple(
        (row, tuple(_cell(means.get((row, column), means.get((column, row), math.nan)), deepest) for column in names))
        for row in names
    )
    return HeatTable(tuple(names), rows if len(names) > 1 else ())


def scenario_table(tiles: Sequence[Tile]) -> HeatTable:
    """Mean 1 − IoU of each teacher with the label: over all shown labels, then scenario by scenario."""
    members: dict[str, list[Tile]] = {"all": [tile for tile in tiles if tile.votes]}
    for name in sorted({scenario for tile in tiles for scenario in tile.frame.scenarios}):
        members[name] = [tile for tile in members["all"] if name in tile.frame.scenarios]
    members = {name: chosen for name, chosen in members.items() if chosen}
    means = {
        (teacher, name): _off(chosen, teacher) for name, chosen in members.items() for teacher in _names(tiles)[1:]
    }
    deepest = max((value for value in means.values() if math.isfinite(value)), default=0.0)
    rows = tuple(
        (teacher, tuple(_cell(means[teacher, name], deepest) for name in members)) for teacher in _names(tiles)[1:]
    )
    return HeatTable(tuple(members), rows)


def _names(tiles: Sequence[Tile]) -> list[str]:
    """The label, then every teacher by name; empty without any vote."""
    teachers = sorted({teacher for tile in tiles for teacher in tile.votes})
    return ["label", *teachers] if teachers else []


def _masks(tile: Tile) -> Mapping[str, NDArray[np.bool_]]:
    if not tile.votes:
        return {}
    return {"label": as_mask(tile.alpha), **{name: as_mask(vote) for name, vote in sorted(tile.votes.items())}}


def _off(tiles: Sequence[Tile], teacher: str) -> float:
    values = [1 - iou(as_mask(tile.votes[teacher]), as_mask(tile.alpha)) for tile in tiles if teacher in tile.votes]
    return math.fsum(values) / len(values) if values else math.nan


def _cell(share: float, deepest: float) -> HeatCell:
    return HeatCell(share, share / deepest if math.isfinite(share) and deepest else 0.0)
