"""What the judge is fitted and measured on: fused labels, raw votes as labels, and labels fused from damaged votes."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from datasets.clips import Clip
from datasets.schema import LabelRow, Row
from datasets.shards import read_rows, write_rows
from pipeline.code_digest import code_digest
from pipeline.keys import hash_of
from qa.damage import MOST, inject
from qa.examples import Example, as_label, examples_of, fused
from qa.panning import panned
from qa.view import View
from stages.fuse import Fuse, FuseConfig

BURST = 4
"""Frames of a burst: longer ones are cut, so that there are more of them to be judged as a whole."""

Rate = Callable[[View], float]
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class KnownClip:
    """A burst with boxes, votes and truth.

    Attributes:
        collection: name of its set. group: its source, a photo or a sequence: never on both sides of a fit.
        truths: 8-bit grey PNGs of the frames' shape.
    """

    collection: str
    group: str
    clip: Clip
    truths: tuple[bytes, ...]

    @property
    def name(self) -> str:
        """Of the burst, unique."""
        first = self.clip.rows[0]
        return f"{self.group}:{first.clip}:{first.burst}:{first.time_us}"


@dataclass(frozen=True)
class Spec:
    """What is done to a burst before it is labelled.

    Attributes:
        kind: of the damage, "" for none. size, share: see `qa.damage`. draw: another draw of the same.
        pan: the burst is a photo under a moving camera (`qa.examples.panned`).
    """

    kind: str = ""
    size: float = 0.0
    share: float = MOST
    draw: int = 0
    pan: bool = False


@dataclass(frozen=True)
class Labelled:
    """One label with truth and how it came about.

    Attributes:
        collection, group: as in `KnownClip`. burst: its name. index: of the frame in it.
        teacher: whose raw vote it is, "" for a fused label.
    """

    collection: str
    group: str
    burst: str
    index: int
    spec: Spec
    teacher: str
    example: Example

    @property
    def natural(self) -> bool:
        """Nothing was done to it."""
        return not self.spec.kind and not self.spec.pan


def cut(known: KnownClip, frames: int = BURST) -> Iterator[KnownClip]:
    """The burst in pieces of at most so many frames."""
    for start in range(0, len(known.clip), frames):
        part = slice(start, start + frames)
        clip = Clip(
            known.clip.rows[part],
            {row_type: rows[part] for row_type, rows in known.clip.joined.items()},
            {teacher: rows[part] for teacher, rows in known.clip.votes.items()},
        )
        yield replace(known, clip=clip, truths=known.truths[part])


def label_all(
    work: Sequence[tuple[KnownClip, Spec]],
    config: FuseConfig,
    *,
    side: int,
    cache: Path,
    jobs: int,
    rate: Rate | None = None,
    progress: Progress = lambda done, total, name: None,
) -> list[Labelled]:
    """Labels of all work, in its order. What was computed once, by the same code, is read from `cache`."""
    given = (config, side, cache, rate)
    found: list[Labelled] = []
    if jobs < 2:
        worker = _Worker(*given)
        for done, one in enumerate(work, start=1):
            found += worker.label(one)
            progress(done, len(work), one[0].group)
        return found
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=_open, initargs=given)
    with pool:
        for done, labelled in enumerate(pool.map(_label, work, chunksize=4), start=1):
            found += labelled
            progress(done, len(work), work[done - 1][0].group)
    return found


class _Worker:
    """What one process keeps open."""

    open: _Worker

    def __init__(self, config: FuseConfig, side: int, cache: Path, rate: Rate | None) -> None:
        cv2.setNumThreads(1)
        self._fuse = Fuse(config, root=cache)
        self._fuse.setup()
        self._side, self._cache, self._rate = side, cache, rate
        rated = f"{rate.__module__}.{rate.__qualname__}" if rate else ""
        params = json.loads(config.model_dump_json())
        # Signals change more often than labels, and cost less.
        self._labelling = hash_of([code_digest("stages.fuse", "qa.damage", "qa.panning"), params])
        self._judging = hash_of([self._labelling, code_digest("qa.examples"), side, rated])

    def label(self, work: tuple[KnownClip, Spec]) -> list[Labelled]:
        known, spec = work
        what = hash_of([dataclasses.astuple(spec), known.name, _digest(known.clip)])
        key = hash_of([self._judging, what])
        path = self._cache / "judged" / key[:2] / f"{key}.json"
        if not path.exists():
            found = self._labelled(known, spec, what)
            with _replaced(path) as unfinished:
                unfinished.write_text(json.dumps([[i, name, *dataclasses.astuple(one)] for i, name, one in found]))
        return [
            Labelled(known.collection, known.group, known.name, index, spec, teacher, Example(*values))
            for index, teacher, *values in json.loads(path.read_text())
        ]

    def _labelled(self, known: KnownClip, spec: Spec, what: str) -> list[tuple[int, str, Example]]:
        # The same draw pans the same way whatever is injected: it is compared with itself.
        seed = [zlib.crc32(known.name.encode()), spec.draw]
        clip, truths = known.clip, list(known.truths)
        if spec.pan:
            clip, truths = panned(clip, truths, np.random.default_rng([*seed, 1]), frames=BURST)
        if spec.kind:
            kind = zlib.crc32(spec.kind.encode())
            rng = np.random.default_rng([*seed, 2, kind, round(1000 * spec.size), round(1000 * spec.share)])
            try:
                clip = inject(spec.kind, clip, spec.size, rng, spec.share)
            except ValueError:  # the votes see nobody: nothing can be damaged, and the label is not good either
                return []
        found = [("", examples_of(self._fused(clip, what), truths, self._side, self._rate))]
        if not spec.kind and not spec.pan:
            longest = self._fuse.config.longest_side
            for teacher in clip.votes:
                examples = examples_of(as_label(clip, teacher, longest), truths, self._side, self._rate)
                found.append((teacher, examples))
        return [(index, name, one) for name, examples in found for index, one in enumerate(examples)]

    def _fused(self, clip: Clip, what: str) -> Clip:
        """The burst with its fused labels, their foreground colours left out: nothing here reads them."""
        key = hash_of([self._labelling, what])
        path = self._cache / "fused" / key[:2] / f"{key}.parquet"
        if not path.exists():
            labels = [replace(row, foreground=b"") for row in fused(self._fuse, clip).labels if row is not None]
            with _replaced(path) as unfinished:
                write_rows(unfinished, labels, LabelRow)
        return replace(clip, joined={**clip.joined, LabelRow: tuple(read_rows(path, LabelRow))})


@contextmanager
def _replaced(path: Path) -> Iterator[Path]:
    """A name to write to, which becomes `path` at the end: who reads sees all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}")
    yield unfinished
    unfinished.replace(path)


def _open(config: FuseConfig, side: int, cache: Path, rate: Rate | None) -> None:
    _Worker.open = _Worker(config, side, cache, rate)


def _label(work: tuple[KnownClip, Spec]) -> list[Labelled]:
    return _Worker.open.label(work)


def _digest(clip: Clip) -> str:
    rows: list[Row | None] = [*clip.rows]
    for joined in (*clip.joined.values(), *clip.votes.values()):
        rows += joined
    return hash_of([repr(row and row.as_dict()) for row in rows])
