"""The student beside what a user would pick instead, on frames of known truth: one method a column.

Every method answers at the frame's own size. MediaPipe's models see the whole frame, each frame alone, as in its own
graph. The student sees a burst in order, an empty prior first.
"""

from __future__ import annotations

import math
import multiprocessing
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console

from datasets.images import Grey, Image, decode_grey, decode_rgb
from datasets.schema import LabelRow
from pipeline.calibration_data import Known
from pipeline.ensemble import Ensemble
from pipeline.params import Params
from pipeline.progress import stage_progress
from qa.matte_metrics import mad_t
from qa.metrics import boundary_f, iou
from qa.video_metrics import dtssd, flicker
from stages.fuse import Fuse, FuseConfig, pasted_votes
from stages.litert_model import LiteRTModel
from training.compare import interleaved_medians
from training.letterbox import resize
from training.runtime import Student

STUDENT, LANDSCAPE, GENERAL, LABEL = "student", "mp_landscape", "mp_general", "label"
MODELS = {LANDSCAPE: "models/selfie_landscape.tflite", GENERAL: "models/selfie.tflite"}
"""MediaPipe's, below the cache."""
FRAME_METRICS = {"iou": iou, "bf": boundary_f, "mad_t": mad_t}

Values = dict[str, float]


@dataclass(frozen=True)
class Measured:
    """One method on one burst: metric to one value a frame (`iou`, `bf`, `mad_t`) or a burst (`dtssd`, `flicker`)."""

    collection: str
    method: str
    values: Mapping[str, tuple[float, ...]]


class MediaPipe:
    """One of MediaPipe's selfie segmenters, by LiteRT on one thread: the frame stretched to its input."""

    def __init__(self, path: Path) -> None:
        self.model = LiteRTModel(path, threads=1)
        self.size = (self.model.input_shape[1], self.model.input_shape[2])

    def tensor(self, image: Image) -> np.ndarray:
        """`(1, h, w, 3)` float32 0-1 of `(H, W, 3)` uint8 RGB."""
        return resize(image, self.size)[None].astype(np.float32) * np.float32(1 / 255)

    def __call__(self, image: Image) -> Grey:
        """Alpha `(H, W)` uint8 of a frame."""
        (alpha,) = self.model(self.tensor(image))
        whole = resize(alpha[0, :, :, 0], (image.shape[0], image.shape[1]))
        return np.asarray(np.rint(np.clip(whole, 0, 1) * 255), np.uint8)


def measure(
    bursts: Sequence[Known],
    student: Path,
    fuse: FuseConfig,
    params: Params,
    cache: Path,
    *,
    jobs: int,
    console: Console,
) -> list[Measured]:
    """Every method on every burst, the fused label (by `fuse`) and each teacher among them."""
    found: list[Measured] = []
    given = (student, fuse, params, cache)
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), initializer=_open, initargs=given)
    with pool, stage_progress("measure", console) as progress:
        for done, rows in enumerate(pool.map(_measure, bursts), start=1):
            found += rows
            progress(done, len(bursts), bursts[done - 1].collection)
    return found


class _Worker:
    """What one process keeps open."""

    student: Student
    peers: Mapping[str, MediaPipe]
    ensemble: Ensemble
    fuse: Fuse


def _open(student: Path, fuse: FuseConfig, params: Params, cache: Path) -> None:
    cv2.setNumThreads(1)
    _Worker.student = Student(student)
    _Worker.peers = {name: MediaPipe(cache / file) for name, file in MODELS.items()}
    _Worker.ensemble = Ensemble(params, cache)
    _Worker.fuse = Fuse(fuse, root=cache)
    _Worker.fuse.setup()


def _measure(known: Known) -> list[Measured]:
    burst = known.burst
    images = [decode_rgb(frame.image) for frame in burst.frames]
    truths = [resize(decode_grey(truth), image.shape[:2]) for truth, image in zip(burst.truths, images, strict=True)]
    _Worker.student.reset()
    found: dict[str, list[Grey]] = {STUDENT: [_Worker.student(image) for image in images]}
    found |= {name: [model(image) for image in images] for name, model in _Worker.peers.items()}
    found |= _labels(known, images)
    return [Measured(known.collection, name, values_of(alphas, truths, images)) for name, alphas in found.items()]


def _labels(known: Known, images: Sequence[Image]) -> dict[str, list[Grey]]:
    """The fused label and every teacher's vote; nothing where one has none."""
    clip = _Worker.ensemble.clip(known.burst.frames)
    found: dict[str, list[Grey]] = {LABEL: [], **{f"teacher {name}": [] for name in clip.votes}}
    for index, (label, image) in enumerate(zip(_Worker.fuse.process(clip), images, strict=True)):
        nothing = np.zeros(image.shape[:2], np.uint8)
        alpha = resize(decode_grey(label.alpha), nothing.shape) if isinstance(label, LabelRow) else nothing
        found[LABEL].append(alpha)
        votes = pasted_votes(
            {name: rows[index] for name, rows in clip.votes.items()}, nothing.shape[1], nothing.shape[0]
        )
        for name in clip.votes:
            vote = votes.get(name)
            found[f"teacher {name}"].append(nothing if vote is None else np.asarray(np.rint(vote * 255), np.uint8))
    return found


def values_of(alphas: Sequence[Grey], truths: Sequence[Grey], images: Sequence[Image]) -> dict[str, tuple[float, ...]]:
    """Metric to its values; `dtssd` and `flicker` (× 1e3) of bursts of two frames or more."""
    values = {
        name: tuple(metric(alpha, truth) for alpha, truth in zip(alphas, truths, strict=True))
        for name, metric in FRAME_METRICS.items()
    }
    if len(alphas) < 2:
        return values
    return values | {"dtssd": (dtssd(alphas, truths),), "flicker": (flicker(alphas, images) * 1e3,)}


def means(measured: Sequence[Measured]) -> dict[str, dict[str, Values]]:
    """Set to method to the mean of each metric over its frames (bursts)."""
    lists: dict[str, dict[str, dict[str, list[float]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for one in measured:
        for metric, values in one.values.items():
            lists[one.collection][one.method][metric] += values
    return {
        name: {
            method: {metric: math.fsum(found) / len(found) for metric, found in metrics.items()}
            for method, metrics in methods.items()
        }
        for name, methods in lists.items()
    }


def milliseconds(student: Path, cache: Path, image: Image, *, rounds: int) -> dict[str, dict[str, float]]:
    """`model` (inside the network) and `frame` (frame in, alpha of its size out) to method to median ms on one core."""
    cv2.setNumThreads(1)
    ours, peers = Student(student), {name: MediaPipe(cache / file) for name, file in MODELS.items()}
    inputs = ours.inputs(image)
    inside: dict[str, Callable[[], object]] = {STUDENT: lambda: ours.session.run(None, inputs)}
    whole: dict[str, Callable[[], object]] = {STUDENT: partial(ours, image)}
    for name, peer in peers.items():
        inside[name] = partial(peer.model, peer.tensor(image))
        whole[name] = partial(peer, image)
    return {
        "model": interleaved_medians(inside, rounds=rounds),
        "frame": interleaved_medians(whole, rounds=rounds),
    }
