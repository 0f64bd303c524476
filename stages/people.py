"""People as clips are made of them: labelled frames of a burst, and strangers from elsewhere in the same shard."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from datasets.images import Grey, decode_grey, decode_rgb
from datasets.schema import GROUPS, CuratedRow
from datasets.shards import read_rows
from stages.actor import Cutout

STRANGERS = 32
"""Frames of other people that are kept of a shard and a split, encoded, at most."""
_LIGHT = ["source", "time_us", "subject", "split", "group"]


class Person:
    """One labelled frame of a burst, decoded when it is needed and then kept."""

    def __init__(self, row: CuratedRow) -> None:
        self.row = row

    @cached_property
    def alpha(self) -> Grey:
        return decode_grey(self.row.alpha)

    @cached_property
    def area(self) -> float:
        """Fraction of the frame that is person."""
        return float(np.mean(self.alpha >= 128))

    @cached_property
    def cutout(self) -> Cutout:
        """Colours, alpha and trust at label size. A label without estimated colours lends those of its frame."""
        size = self.alpha.shape[1], self.alpha.shape[0]
        colours = decode_rgb(self.row.foreground or self.row.image)
        trust = decode_grey(self.row.trust)
        if trust.shape != self.alpha.shape:
            raise ValueError(
                f"{self.row.path} at {self.row.time_us} us: trust {trust.shape} and alpha {self.alpha.shape} differ in "
                "size; run `dvc repro` to curate this frame again"
            )
        if colours.shape[:2] != self.alpha.shape:
            colours = np.asarray(cv2.resize(colours, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        return Cutout(colours, self.alpha, trust)


def find_strangers(shards: Sequence[Path], *, least: float) -> tuple[CuratedRow, ...]:
    """One frame of each of at most `STRANGERS` subjects a split, for those who need somebody else in the picture.

    Which, is drawn by hash: it depends on the shards alone. A shard of one subject, as most videos are, has none.

    Args:
        shards: of `CuratedRow`. least: frames with less person than this fraction of the picture are left out.
    """
    subjects: dict[str, dict[str, tuple[str, int]]] = defaultdict(dict)
    for path in shards:
        for row in read_rows(path, CuratedRow, columns=_LIGHT):
            if row.group != "reject" and row.split != "test":
                known = subjects[row.split].setdefault(row.subject, row.frame_key)
                subjects[row.split][row.subject] = min(known, row.frame_key, key=_rank)
    several = [sorted(keys.values(), key=_rank)[:STRANGERS] for keys in subjects.values() if len(keys) > 1]
    chosen = {key for keys in several for key in keys}
    if not chosen:
        return ()
    rows = [row for path in shards for row in read_rows(path, CuratedRow) if row.frame_key in chosen]
    return tuple(row for row in sorted(rows, key=lambda row: row.frame_key) if Person(row).area >= least)


def strangers_to(people: Sequence[CuratedRow], strangers: Sequence[CuratedRow]) -> dict[tuple[str, int], CuratedRow]:
    """Who may stand behind the people of a burst, by frame key: others of the same split, with no worse a label."""
    first, worst = people[0], max(GROUPS.index(row.group) for row in people)
    return {
        row.frame_key: row
        for row in strangers
        if row.split == first.split
        and row.subject != first.subject
        and row.source != first.source
        and GROUPS.index(row.group) <= worst
    }


def _rank(key: tuple[str, int]) -> bytes:
    return hashlib.sha256(f"{key[0]}/{key[1]}".encode()).digest()
