"""What the judge is fitted and measured on: fused labels, raw votes as labels, and labels fused from damaged votes."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import os
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from datasets.clips import Clip
from datasets.schema import LabelRow, Row
from datasets.shards import file_digest, read_rows, write_rows
from pipeline.calibration_data import Known, Progress
from pipeline.code_digest import code_digest
from pipeline.ensemble import Ensemble
from pipeline.keys import hash_of
from qa.damage import MOST, inject
from qa.examples import AlphaFuse, Example, as_label, examples_of, fused, views_of
from qa.panning import panned
from qa.temporal_signals import Tracks, tracks_of
from qa.view import View
from stages.fuse import Fuse, FuseConfig

BURST = 4
"""Frames of a burst: longer ones are cut, so that there are more of them to be judged as a whole."""

Rate = Callable[[View], float]


@dataclass(frozen=True)
class KnownClip:
    """A burst with boxes, votes and truth.

    Attributes:
        collection: name of its set. group: its source, a photo or a sequence: never on both sides of a fit.
        truths: 8-bit grey PNGs of the frames' shape.
        viewed: it is a view of a frame of its group, shown as another kind of shot: to fit on, never measured.
    """

    collection: str
    group: str
    clip: Clip
    truths: tuple[bytes, ...]
    viewed: bool = False

    @property
    def name(self) -> str:
        """Of the burst, unique."""
        (first, *_) = self.clip.frames
        assert first is not None
        return f"{self.group}:{first.clip}:{first.burst}:{first.time_us}:{first.name}"


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
        teacher: whose raw vote it is, "" for a fused label. viewed: as in `KnownClip`.
    """

    collection: str
    group: str
    burst: str
    index: int
    spec: Spec
    teacher: str
    example: Example
    viewed: bool = False

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


def with_votes(known: Sequence[Known], ensemble: Ensemble, *, viewed: bool = False) -> list[KnownClip]:
    """Bursts with their boxes and votes."""
    return [
        KnownClip(one.collection, one.group, ensemble.clip(one.burst.frames), one.burst.truths, viewed) for one in known
    ]


Work = tuple[KnownClip, Spec]


def label_all(
    work: Sequence[Work],
    configs: Mapping[str, FuseConfig],
    *,
    side: int,
    cache: Path,
    jobs: int,
    rate: Rate | None = None,
    progress: Progress = lambda done, total, name: None,
) -> list[Labelled]:
    """Labels of all work, in its order, each group's fused as `configs` says for it.

    What was computed once, by the same code, is read from `cache`.
    """
    given = (configs, side, cache, rate)
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


@dataclass(frozen=True)
class _Labeller:
    """One way to fuse; `key` names it, its fitted file and its code."""

    fuse: Fuse
    key: str

    @classmethod
    def of(cls, config: FuseConfig, root: Path) -> _Labeller:
        fuse = AlphaFuse(config, root=root)
        if config.matting.enabled:  # nothing else has kernels to load
            fuse.setup()
        # where a fitted file lies does not matter, what it holds does
        params = config.model_dump(mode="json", exclude={"fitted"})
        files = [file_digest(root / file) for file in fuse.weights()]
        return cls(fuse, hash_of([code_digest("stages.fuse", "qa.damage", "qa.panning"), params, files]))


class _Worker:
    """What one process keeps open."""

    open: _Worker

    def __init__(self, configs: Mapping[str, FuseConfig], side: int, cache: Path, rate: Rate | None) -> None:
        cv2.setNumThreads(1)
        self._configs, self._side, self._cache, self._rate = configs, side, cache, rate
        self._labellers: dict[str, _Labeller] = {}
        self._tracks: tuple[str, Tracks] = ("", [])
        rated = f"{rate.__module__}.{rate.__qualname__}" if rate else ""
        # Signals change more often than labels, and cost less.
        self._judging = hash_of([code_digest("qa.examples", "qa.damage", "qa.panning"), side, rated])

    def label(self, work: Work) -> list[Labelled]:
        known, spec = work
        what = hash_of([dataclasses.astuple(spec), known.name, _digest(known.clip)])
        labeller = self._labeller(known.group)
        found = self._kept([labeller.key, what], lambda: self._judged(known, spec, labeller, what))
        if spec == Spec():
            longest = labeller.fuse.config.longest_side
            # a raw vote is the same whoever fuses
            found += self._kept(["raw", longest, what], lambda: self._raw(known, longest))
        return [
            Labelled(known.collection, known.group, known.name, index, spec, teacher, Example(*values), known.viewed)
            for index, teacher, *values in found
        ]

    def _labeller(self, group: str) -> _Labeller:
        config = self._configs[group]
        name = config.model_dump_json()
        if name not in self._labellers:
            self._labellers[name] = _Labeller.of(config, self._cache)
        return self._labellers[name]

    def _kept(self, parts: list[object], compute: Callable[[], Sequence[Judgement]]) -> list[Any]:
        key = hash_of([self._judging, *parts])
        path = self._cache / "judged" / key[:2] / f"{key}.json"
        if not path.exists():
            rows = [[index, teacher, *dataclasses.astuple(one)] for index, teacher, one in compute()]
            with _replaced(path) as unfinished:
                unfinished.write_text(json.dumps(rows))
        rows = json.loads(path.read_text())
        return list(rows)

    def _judged(self, known: KnownClip, spec: Spec, labeller: _Labeller, what: str) -> list[Judgement]:
        done = damaged(known, spec)
        if done is None:
            return []
        clip, truths = done
        clip = self._fused(labeller, clip, what)
        views = views_of(clip, self._side)
        tracks = tracks_of(views) if spec.pan else self._tracked(known, views)
        examples = examples_of(clip, views, truths, tracks=tracks, rate=self._rate)
        return [(index, "", one) for index, one in enumerate(examples)]

    def _raw(self, known: KnownClip, longest_side: int) -> list[Judgement]:
        found: list[Judgement] = []
        for teacher in known.clip.votes:
            clip = as_label(known.clip, teacher, longest_side)
            views = views_of(clip, self._side)
            examples = examples_of(clip, views, known.truths, tracks=self._tracked(known, views), rate=self._rate)
            found += [(index, teacher, one) for index, one in enumerate(examples)]
        return found

    def _tracked(self, known: KnownClip, views: Sequence[View]) -> Tracks:
        """The burst's flow: whatever is done to its labels, the picture stays."""
        if self._tracks[0] != known.name:
            self._tracks = known.name, tracks_of(views)
        return self._tracks[1]

    def _fused(self, labeller: _Labeller, clip: Clip, what: str) -> Clip:
        """The burst with its fused labels, their foreground colours left out: nothing here reads them."""
        key = hash_of([labeller.key, what])
        path = self._cache / "fused" / key[:2] / f"{key}.parquet"
        if not path.exists():
            labels = [replace(row, foreground=b"") for row in fused(labeller.fuse, clip).labels if row is not None]
            with _replaced(path) as unfinished:
                write_rows(unfinished, labels, LabelRow)
        return replace(clip, joined={**clip.joined, LabelRow: tuple(read_rows(path, LabelRow))})


Judgement = tuple[int, str, Example]
"""Index of the frame, teacher, example."""


def damaged(known: KnownClip, spec: Spec) -> tuple[Clip, list[bytes]] | None:
    """The burst, before it is fused, and its truths, as `spec` says; None where the votes see nobody to damage."""
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
        except ValueError:  # nothing can be damaged, and the label is not good either
            return None
    return clip, truths


@contextmanager
def _replaced(path: Path) -> Iterator[Path]:
    """A name to write to, which becomes `path` at the end: who reads sees all of it or nothing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}")
    yield unfinished
    unfinished.replace(path)


def _open(configs: Mapping[str, FuseConfig], side: int, cache: Path, rate: Rate | None) -> None:
    _Worker.open = _Worker(configs, side, cache, rate)


def _label(work: Work) -> list[Labelled]:
    return _Worker.open.label(work)


def _digest(clip: Clip) -> str:
    rows: list[Row | None] = [*clip.rows]
    for joined in (*clip.joined.values(), *clip.votes.values()):
        rows += joined
    return hash_of([repr(row and row.as_dict()) for row in rows])
