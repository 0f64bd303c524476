"""Material to fit the judge of imported masks on: true masks, imported, a share of them damaged."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from datasets.clips import Clip
from datasets.images import Grey, decode_grey, encode_png
from datasets.schema import FrameRow, LabelRow
from pipeline.calibration_data import Known, Progress
from pipeline.ensemble import Ensemble
from pipeline.params import Params
from qa.annotation_fit import AnnotationSample
from qa.annotation_signals import annotation_signals
from qa.annotators import Annotation, annotate
from qa.metrics import Mask, as_mask
from qa.view import View, view_of

DRAWS = ((0.3, 100), (0.5, 101), (0.3, 102), (0.5, 103))
"""Share of the masks that are damaged, and the seed, of each draw of the damage."""


def annotation_samples(
    known: Sequence[Known], params: Params, cache: Path, *, jobs: int, progress: Progress
) -> list[AnnotationSample]:
    """Every mask of the bursts in every draw; boxes and votes are kept in `cache` (see `pipeline.ensemble`)."""
    masks = [_masks(one, params) for one in known]
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


def _masks(one: Known, params: Params) -> list[Mask]:
    """`(H, W)` bool at the size that stage `fuse` gives the frames' labels."""
    masks = []
    for frame, truth in zip(one.burst.frames, one.burst.truths, strict=True):
        scale = min(1.0, params.fuse.longest_side / max(frame.width, frame.height))
        size = round(frame.width * scale), round(frame.height * scale)
        sized = cv2.resize(decode_grey(truth), size, interpolation=cv2.INTER_AREA)
        masks.append(as_mask(np.asarray(sized, np.uint8)))
    return masks


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


def views_of(clip: Clip, masks: Sequence[Mask], *, side: int) -> list[View]:
    """Views of a burst that has no labels yet: the masks stand in for them, which no signal of a mask looks at."""
    labels = tuple(_label(frame, mask) for frame, mask in zip(clip.frames, masks, strict=True) if frame)
    labelled = replace(clip, joined={**clip.joined, LabelRow: labels})
    return [view_of(labelled, index, side=side) for index in range(len(labelled))]


def _label(frame: FrameRow, mask: Mask) -> LabelRow:
    grey = encode_png(mask.astype(np.uint8) * 255)
    return LabelRow(
        source=frame.source, clip=frame.clip, burst=frame.burst, time_us=frame.time_us, width=mask.shape[1],
        height=mask.shape[0], alpha=grey, trust=grey, foreground=b"", strategy="truth", keyed=False, unknown=0.0,
        teachers=[],
    )  # fmt: skip


def with_masks(views: Sequence[View], masks: Sequence[Mask]) -> list[View]:
    """The views with these masks imported, reduced as `qa.view` reduces them."""
    return [
        replace(view, annotation=as_mask(_reduced(mask, view.shape))) for view, mask in zip(views, masks, strict=True)
    ]


def _reduced(mask: Mask, shape: tuple[int, int]) -> Grey:
    grey = mask.astype(np.uint8) * 255
    return np.asarray(cv2.resize(grey, shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)
