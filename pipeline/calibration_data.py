"""Footage of known truth to fit on: its frames and views of them, voted on like any other footage."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median

import cv2
import numpy as np

from datasets.images import Image, decode_grey, decode_rgb, encode_jpeg, encode_png
from datasets.schema import FrameRow
from pipeline.assets import AssetLock
from pipeline.ensemble import Ensemble
from pipeline.fetch import fetch_asset
from pipeline.params import Params
from pipeline.truth import Burst, read_bursts, truth_sets
from stages.fuse import Evidence, Fuse
from stages.ingest import IngestConfig
from stages.reliability import shot_of
from training.fitting_views import View, largest_person, views
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


def reserved_for_fitting() -> list[Image]:
    """The person-free pictures of the lock whose split is `train`: the keyed test clip lies on none of them."""
    names = [
        asset.name
        for asset in AssetLock.read()
        if asset.sidecar.get("role") == "background" and asset.sidecar.get("split") == "train"
    ]
    return [decode_rgb(fetch_asset(name).read_bytes()) for name in names]


def viewed(known: Sequence[Known], scenes: Sequence[Image], *, seed: int = 0) -> list[Known]:
    """Views of the frames (`training.fitting_views`), each a burst of its own in its frame's group.

    A frame is shown as one of the kinds of shot that it is not, drawn at random.
    """
    found = []
    for one in known:
        for index, (frame, truth) in enumerate(zip(one.burst.frames, one.burst.truths, strict=True)):
            if index % VIEW_EVERY == 0:
                rng = np.random.default_rng([seed, *hashlib.sha256(frame.image).digest()[:8]])
                found += [Known(one.collection, one.group, burst) for burst in _views(frame, truth, scenes, rng)]
    return found


def _views(frame: FrameRow, truth: bytes, scenes: Sequence[Image], rng: np.random.Generator) -> Iterator[Burst]:
    image = decode_rgb(frame.image)
    exact = np.asarray(cv2.resize(decode_grey(truth), image.shape[1::-1], interpolation=cv2.INTER_AREA), np.uint8)
    person = largest_person(exact)
    if person is None:
        return
    height, width = exact.shape
    shot = shot_of([(person[0] / width, person[1] / height, person[2] / width, person[3] / height)], [1.0])
    kinds = {"portrait": shot.portrait, "figure": shot.figure, "distant": shot.distant}
    others = [name for name in kinds if name != max(kinds, key=kinds.__getitem__)]
    for view in views(image, exact, scenes, rng, names=[others[int(rng.integers(len(others)))]]):
        yield Burst((_frame_of(view, frame),), (encode_png(view.truth),))


def _frame_of(view: View, frame: FrameRow) -> FrameRow:
    height, width = view.truth.shape
    return replace(
        frame,
        name=f"{frame.name}-{view.name}",
        width=width,
        height=height,
        source_width=width,
        source_height=height,
        image=encode_jpeg(view.image),
    )


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
