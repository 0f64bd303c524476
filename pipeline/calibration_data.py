"""Footage of known truth to fit on: its frames and views of them, voted on like any other footage."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import cv2
import numpy as np

from datasets.images import decode_grey
from pipeline.assets import AssetLock
from pipeline.ensemble import Ensemble
from pipeline.fetch import fetch_asset
from pipeline.params import Params
from pipeline.truth import Burst, read_bursts, truth_sets
from stages.fuse import Evidence, Fuse
from stages.ingest import IngestConfig
from training.fitting_views import other_shots
from training.known_frames import KnownFrame, known_frame

VIEW_EVERY = 4
"""Of the frames of a sequence, which are much alike, every fourth is viewed otherwise; of photos each one."""

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Known:
    """A burst of known truth.

    Attributes:
        collection: name of its set. group: its source, a photo or a sequence: never on both sides of a fit.
    """

    collection: str
    group: str
    burst: Burst


def known_bursts(root: Path, config: IngestConfig) -> list[Known]:
    """All bursts below a truth folder.

    In a folder of unrelated photos each one is a source (those that ingest takes for one shot are one); any other
    folder is one sequence, even where ingest sees cuts in it.

    Raises:
        TruthError: see `pipeline.truth`.
    """
    found = []
    for collection, folders in truth_sets(root).items():
        for folder in folders:
            bursts = list(read_bursts(folder, config))
            photos = median(len(burst.frames) for burst in bursts) == 1
            for burst in bursts:
                clip = burst.frames[0].clip
                name = f"{folder.images.parent.relative_to(root).as_posix()}"
                found.append(Known(collection, f"{name}/{clip}" if photos else name, burst))
    return found


def reserved_for_fitting() -> list[bytes]:
    """The person-free pictures of the lock whose split is `train`: the keyed test clip lies on none of them."""
    names = [
        asset.name
        for asset in AssetLock.read()
        if asset.sidecar.get("role") == "background" and asset.sidecar.get("split") == "train"
    ]
    return [fetch_asset(name).read_bytes() for name in names]


def viewed(known: Sequence[Known], scenes: Sequence[bytes], *, seed: int = 0) -> list[Known]:
    """Every frame as another kind of shot (`training.fitting_views`), each a burst of its own in its frame's group."""
    found = []
    for one in known:
        for index, (frame, truth) in enumerate(zip(one.burst.frames, one.burst.truths, strict=True)):
            if index % VIEW_EVERY == 0:
                rng = np.random.default_rng([seed, *hashlib.sha256(frame.image).digest()[:8]])
                for row, mask in other_shots(frame, truth, scenes, rng):
                    found.append(Known(one.collection, one.group, Burst((row,), (mask,))))
    return found


def known_frames(
    known: Sequence[Known], params: Params, cache: Path, *, jobs: int, progress: Progress
) -> list[KnownFrame]:
    """All frames that somebody voted on, in order; boxes and votes are kept in `cache` (see `pipeline.ensemble`)."""
    # what is fitted is not needed to collect what it is fitted on
    params = params.model_copy(update={"fuse": params.fuse.model_copy(update={"fitted": ""})})
    frames: list[KnownFrame] = []
    pool = ProcessPoolExecutor(
        jobs, multiprocessing.get_context("spawn"), initializer=_open_worker, initargs=(params, cache)
    )
    with pool:
        for done, found in enumerate(pool.map(_frames, known, chunksize=4), start=1):
            frames += found
            progress(done, len(known), known[done - 1].burst.frames[0].name)
    return frames


class _Worker:
    """What one process keeps open."""

    ensemble: Ensemble
    fuse: Fuse


def _open_worker(params: Params, cache: Path) -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    cv2.setNumThreads(1)
    _Worker.ensemble = Ensemble(params, cache)
    _Worker.fuse = Fuse(params.fuse, root=cache)


def _frames(known: Known) -> list[KnownFrame]:
    clip = _Worker.ensemble.clip(known.burst.frames)
    found = []
    for index, truth in enumerate(known.burst.truths):
        evidence = _Worker.fuse.weigh(clip, index)
        if isinstance(evidence, Evidence):
            found.append(known_frame(evidence, decode_grey(truth), group=known.group, collection=known.collection))
    return found
