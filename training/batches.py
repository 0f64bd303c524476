"""Batches of the student's training set: any batch can be made at any time from its number alone."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.images import Grey, Image
from datasets.schema import GROUPS, ClipRow, CuratedRow
from training.appearance import Look, draw_look, restyle
from training.collate import Batch, Sample, collate
from training.config import BatchConfig, TrainConfig
from training.crop import View, depth, draw_view, shown, warp
from training.data import Moment, MomentReader, Place, ShuffledRows
from training.prior import Kind, draw_kind, minor_warp, wrong_prior
from training.second_view import second_view

CLIP_STREAM, CURATED_STREAM, SAMPLE_STREAM, VIEW_STREAM = 1, 2, 3, 4


class BatchMaker:
    """Makes batch `step` of an endless training run; the same inputs and seed give the same tensors in any order.

    Args:
        clips, curated: places of ClipRow and of CuratedRow. weights: group to weight. band_weights: group to weight in
            the band around contours, by default the same.
        size_at: `(height, width)` of the frames of a step.

    Raises:
        ValueError: there are neither clips nor curated frames.
    """

    def __init__(
        self,
        *,
        clips: Sequence[Place],
        curated: Sequence[Place],
        weights: Mapping[str, float],
        size_at: Callable[[int], tuple[int, int]],
        config: TrainConfig,
        band_weights: Mapping[str, float] | None = None,
    ) -> None:
        if not clips and not curated:
            raise ValueError("no training rows: expected clips or curated frames of split train")
        share = config.batch.curated_share if clips and curated else float(bool(curated))
        self._curated_count = round(share * config.batch.size)
        self._clip_count = config.batch.size - self._curated_count
        pool = config.batch.pool_row_groups
        self._clips = ShuffledRows(clips, seed=hash_seed(config.seed, CLIP_STREAM), pool=pool)
        self._curated = ShuffledRows(curated, seed=hash_seed(config.seed, CURATED_STREAM), pool=pool)
        self._read_clip = MomentReader(ClipRow, pool=pool)
        self._read_curated = MomentReader(CuratedRow, pool=pool, foreground=config.loss.foreground > 0)
        self._weights, self._size_at, self._config = weights, size_at, config
        self._band_weights = weights if band_weights is None else band_weights

    def __call__(self, step: int) -> Batch:
        """Batch number `step`."""
        samples: list[Sample] = []
        donor: Moment | None = None
        size = self._size_at(step)
        for index in range(self._clip_count + self._curated_count):
            rng = np.random.default_rng([self._config.seed, SAMPLE_STREAM, step, index])
            kind = draw_kind(rng, self._config.prior)
            moment = self._moment(step, index, rng, previous=kind == "own" or self._config.looks_back)
            stranger = samples[-1].alpha if samples else None
            sample = self._sample(moment, kind, size, rng, donor, stranger)
            if self._config.looks_twice:
                view_rng = np.random.default_rng([self._config.seed, VIEW_STREAM, step, index])
                sample = self._with_second(sample, view_rng)
            samples.append(sample)
            donor = moment
        return collate(samples, looks_back=self._config.looks_back)

    def _sample(
        self,
        moment: Moment,
        kind: Kind,
        size: tuple[int, int],
        rng: np.random.Generator,
        donor: Moment | None,
        stranger: Grey | None,
    ) -> Sample:
        """One sample; `donor` lends cloth and scene, `stranger` is the mask of the sample before, if there is one."""
        view = draw_view(rng, moment.alpha, size, self._config.crop)
        frame = shown(view)
        alpha, trust = _planes(warp(_stacked(moment.alpha, moment.trust), view))
        lender = (donor.image, donor.alpha) if donor else None
        look = draw_look(rng, depth(view, moment.alpha), lender, self._config.appearance)
        image = _blacken(restyle(warp(moment.image, view), alpha, look), frame)
        prior = empty = np.zeros_like(alpha)
        if look.absent:
            alpha = empty
        if kind == "minor":
            prior = minor_warp(alpha, rng)
        elif kind == "wrong":
            prior = wrong_prior(alpha, stranger if stranger is not None else alpha[:, ::-1], rng)
        before = before_alpha = None
        if moment.previous is not None:
            earlier, before_alpha = (warp(pixels, view) for pixels in moment.previous)
            before = _stacked(_blacken(restyle(earlier, before_alpha, look), frame), empty)
            before_alpha = empty if look.absent else before_alpha
        painted = None
        if self._config.loss.foreground:
            painted = _painted(moment, image, alpha, view, look, frame)
        # Beyond the frame there is surely nobody.
        trust = np.full_like(alpha, 255) if look.absent else trust | ~frame
        weights = self._weights[moment.group], self._band_weights[moment.group]
        group = GROUPS.index(moment.group)
        return Sample(
            _stacked(image, prior),
            alpha,
            trust,
            *weights,
            group,
            kind,
            before,
            before_alpha,
            shown=frame,
            second=None,
            painted=painted,
        )

    def _with_second(self, sample: Sample, rng: np.random.Generator) -> Sample:
        image, prior = np.ascontiguousarray(sample.frame[..., :3]), sample.frame[..., 3]
        seen = _blacken(second_view(image, rng, self._config.appearance), sample.shown)
        return replace(sample, second=_stacked(seen, prior))

    def _moment(self, step: int, index: int, rng: np.random.Generator, *, previous: bool) -> Moment:
        if index < self._clip_count:
            place = self._clips[step * self._clip_count + index]
            return self._read_clip(place, rng, previous=previous)
        place = self._curated[step * self._curated_count + index - self._clip_count]
        return self._read_curated(place, rng, previous=previous)


def batches(make: BatchMaker, start: int, stop: int, *, config: BatchConfig) -> Generator[Batch]:
    """Batches `start` to `stop`, made ahead of time by `config.loaders` threads, at most `config.ahead` in memory."""
    with ThreadPoolExecutor(config.loaders, thread_name_prefix="loader") as pool:
        waiting: deque[Future[Batch]] = deque()
        try:
            for step in range(start, stop):
                waiting.append(pool.submit(make, step))
                if len(waiting) > config.ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def hash_seed(seed: int, stream: int) -> int:
    """An independent 32-bit seed for each stream of draws."""
    return int(np.random.SeedSequence([seed, stream]).generate_state(1)[0])


def _painted(moment: Moment, image: Image, alpha: Grey, view: View, look: Look, frame: Grey) -> NDArray[np.uint8]:
    """`(H, W, 4)`: the person's own colours in the sample's look, and 255 where they are known.

    Without estimated colours (a composite keeps none) only a pixel that is all person shows them.
    """
    if look.absent or moment.foreground is None:
        solid = np.zeros_like(alpha) if look.absent else np.where(alpha == 255, alpha, 0).astype(np.uint8)
        return _stacked(image, solid)
    whole = np.full_like(alpha, 255)  # so that no other scene is blended in
    return _stacked(_blacken(restyle(warp(moment.foreground, view), whole, look), frame), frame)


def _blacken(image: Image, shown: Grey) -> Image:
    """Black where the frame ends, in spite of any change of colours; `shown` is 255 within it and 0 beyond."""
    return np.asarray(cv2.bitwise_and(image, cv2.merge([shown, shown, shown])), dtype=np.uint8)


def _stacked(*planes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.merge(planes), dtype=np.uint8)  # np.dstack takes six times as long


def _planes(pixels: NDArray[np.uint8]) -> list[Grey]:
    return [np.asarray(plane, dtype=np.uint8) for plane in cv2.split(pixels)]
