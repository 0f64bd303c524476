"""Material to fit the judge of imported masks on: true masks, imported, a share of them damaged."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2
import numpy as np

from pipeline.calibration_data import Known, Progress
from pipeline.ensemble import Ensemble
from pipeline.params import Params
from qa.annotation_fit import AnnotationSample
from qa.annotation_signals import annotation_signals
from qa.annotation_views import truth_masks, views_of, with_masks
from qa.annotators import Annotation, annotate
from qa.metrics import Mask

DRAWS = ((0.3, 100), (0.5, 101), (0.3, 102), (0.5, 103))
"""Share of the masks that are damaged, and the seed, of each draw of the damage."""


def annotation_samples(
    known: Sequence[Known], params: Params, cache: Path, *, jobs: int, progress: Progress
) -> list[AnnotationSample]:
    """Every mask of the bursts in every draw; boxes and votes are kept in `cache` (see `pipeline.ensemble`)."""
    masks = [truth_masks(one.burst.frames, one.burst.truths, longest_side=params.fuse.longest_side) for one in known]
    drawn: list[list[list[Annotation]]] = [[] for _ in known]
    for share, seed in DRAWS:
        for collection in sorted({one.collection for one in known}):
            places = [index for index, one in enumerate(known) if one.collection == collection]
            rng = np.random.default_rng([seed, round(100 * share)])
            for index, found in zip(places, annotate([masks[index] for index in places], share, rng), strict=True):
                drawn[index].append(found)
    samples: list[AnnotationSample] = []
    pool = ProcessPoolExecutor(
        jobs, multiprocessing.get_context("spawn"), initializer=_open_worker, initargs=(params, cache)
    )
    with pool:
        for done, part in enumerate(pool.map(_samples, known, masks, drawn, chunksize=4), start=1):
            samples += part
            progress(done, len(known), known[done - 1].burst.frames[0].name)
    return samples


class _Worker:
    """What one process keeps open."""

    ensemble: Ensemble
    side: int


def _open_worker(params: Params, cache: Path) -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    cv2.setNumThreads(1)
    _Worker.ensemble = Ensemble(params, cache)
    _Worker.side = params.score.side


def _samples(one: Known, masks: list[Mask], draws: list[list[Annotation]]) -> list[AnnotationSample]:
    clip = _Worker.ensemble.clip(one.burst.frames)
    views = views_of(clip, masks, side=_Worker.side)
    samples = []
    for drawn in draws:
        signals = annotation_signals(with_masks(views, [annotation.mask for annotation in drawn]))
        for annotation, found in zip(drawn, signals, strict=True):
            samples.append(AnnotationSample(one.collection, one.group, found, bool(annotation.kind)))
    return samples
