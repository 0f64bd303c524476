"""Fits the combiner: on votes and truth, towards the weighted mean wherever the data do not say otherwise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from stages.base import Config
from stages.combiner import CombinerCard, Fitted
from stages.combiner_planes import planes
from stages.reliability import Expertise
from training.combiner_network import CombinerNetwork, combine
from training.combiner_samples import Sample, augmented, fit_expertise

Progress = Callable[[int, int], None]


class FitError(ValueError):
    """The combiner cannot be fitted on what it was given. The message says what is missing."""


class FitConfig(Config):
    """How the combiner is fitted.

    Attributes:
        side: longest side of its grid in pixels.
        steps: batches in all. batch: frames in one.
        learning_rate: peak of AdamW's. weight_decay: AdamW's.
        pull: of preferences and residual towards 0, the weighted mean: cost of their mean square.
        band: how much more a pixel near the true contour counts.
        jitter: standard deviation of the logarithm of the factor that every weight is multiplied by, so that the
            network does not lean on one table of weights.
        edge_gain: see `stages.reliability.weigh`.
        seed: of everything drawn.
    """

    side: int = Field(default=192, ge=16)
    steps: int = Field(default=1200, ge=1)
    batch: int = Field(default=8, ge=1)
    learning_rate: float = Field(default=2e-3, gt=0)
    weight_decay: float = Field(default=1e-2, ge=0)
    pull: float = Field(default=0.01, ge=0)
    band: float = Field(default=1.0, ge=0)
    jitter: float = Field(default=0.5, ge=0)
    edge_gain: float = Field(default=4.0, ge=0)
    seed: int = 0


def fit_combiner(
    samples: Sequence[Sample],
    config: FitConfig,
    *,
    fitted_on: str,
    command: str,
    expertise: Mapping[str, Expertise] | None = None,
    progress: Progress = lambda done, total: None,
) -> Fitted:
    """A combiner fitted on samples. One thread, so the same numbers every time on one kind of machine.

    Collections count alike, whatever their size. The loss of a frame is cross entropy over the size of its foreground
    (the share of wrong pixels, as IoU sees it), plus the soft Jaccard distance, plus the pull.

    Args:
        expertise: instead of one fitted on the samples.

    Raises:
        FitError: no samples, or none with foreground.
    """
    samples = [sample for sample in samples if sample.truth.max() >= 128]
    if not samples:
        raise FitError("no frame with votes and a truth that shows a person: nothing to fit the combiner on")
    slots = tuple(sorted({teacher for sample in samples for teacher in sample.teachers}))
    table = dict(expertise or fit_expertise(samples))
    rng = np.random.default_rng(config.seed)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            network = _fit(samples, slots, table, config, rng, progress)
    finally:
        torch.set_num_threads(threads)
    card = CombinerCard(
        slots=slots,
        side=config.side,
        expertise=table,
        fitted_on=fitted_on,
        frames=len(samples),
        sources=len({sample.group for sample in samples}),
        command=command,
    )
    return Fitted(card, network.tensors())


def _fit(
    samples: Sequence[Sample],
    slots: tuple[str, ...],
    expertise: Mapping[str, Expertise],
    config: FitConfig,
    rng: np.random.Generator,
    progress: Progress,
) -> CombinerNetwork:
    network = CombinerNetwork(len(slots))
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay, betas=(0.9, 0.98)
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, config.learning_rate, config.steps, pct_start=0.1)
    average = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(min(0.99, 1 - 10 / (config.steps + 10)))
    )
    draw = _Draw(samples)
    for step in range(config.steps):
        batch = [_example(augmented(sample, rng), slots, expertise, config, rng) for sample in draw(rng, config.batch)]
        seen, votes, weights, truth = (torch.from_numpy(np.stack(part)) for part in zip(*batch, strict=True))
        cost = _cost(network(seen), votes, weights, truth, config)
        optimizer.zero_grad()
        cost.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        average.update_parameters(network)
        progress(step + 1, config.steps)
    fitted: CombinerNetwork = average.module
    return fitted


class _Draw:
    """Batches of samples of one grid size, collections and then sources' frames evenly."""

    def __init__(self, samples: Sequence[Sample]) -> None:
        counts = Counter(sample.collection for sample in samples)
        self._shares: dict[tuple[int, ...], list[float]] = {}
        self._samples: dict[tuple[int, ...], list[Sample]] = {}
        for sample in samples:
            self._samples.setdefault(sample.truth.shape, []).append(sample)
            self._shares.setdefault(sample.truth.shape, []).append(1 / counts[sample.collection])
        self._sizes = list(self._samples)
        total = sum(sum(shares) for shares in self._shares.values())
        self._mass = np.array([sum(self._shares[size]) / total for size in self._sizes])

    def __call__(self, rng: np.random.Generator, count: int) -> list[Sample]:
        size = self._sizes[int(rng.choice(len(self._sizes), p=self._mass))]
        shares = np.array(self._shares[size])
        chosen = rng.choice(len(shares), size=count, p=shares / shares.sum())
        return [self._samples[size][int(index)] for index in chosen]


Example = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]


def _example(
    sample: Sample,
    slots: tuple[str, ...],
    expertise: Mapping[str, Expertise],
    config: FitConfig,
    rng: np.random.Generator,
) -> Example:
    """Planes `(P, h, w)`, votes `(slots, h, w)`, weights `(slots,)` and truth `(h, w)` of one sample."""
    scene = sample.scene(expertise, edge_gain=config.edge_gain)
    weights = scene.weights * np.exp(rng.normal(0, config.jitter, len(scene.weights)).astype(np.float32))
    weights /= weights.sum()
    light = (scene.image.astype(np.float32) * rng.uniform(0.8, 1.2, 3) + rng.uniform(-25, 25)).clip(0, 255)
    scene = replace(scene, weights=weights, image=light.astype(np.uint8))
    votes = np.zeros((len(slots), *sample.truth.shape), np.float32)
    known = np.zeros(len(slots), np.float32)
    for index, teacher in enumerate(scene.teachers):
        votes[slots.index(teacher)], known[slots.index(teacher)] = scene.votes[index], weights[index]
    return planes(scene, slots), votes, known, sample.truth.astype(np.float32) / np.float32(255)


def _cost(answer: Tensor, votes: Tensor, weights: Tensor, truth: Tensor, config: FitConfig) -> Tensor:
    logits, bounded = combine(votes, weights, answer)
    area = truth.sum(dim=(1, 2)).clamp(min=64)
    wrong = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    entropy = ((1 + config.band * _near_contour(truth)) * wrong).sum(dim=(1, 2)) / area
    found = torch.sigmoid(logits)
    both, either = (found * truth).sum(dim=(1, 2)), (found + truth - found * truth).sum(dim=(1, 2))
    return (entropy + 1 - both / either).mean() + config.pull * bounded.square().mean()


def _near_contour(truth: Tensor) -> Tensor:
    """`(B, H, W)` 0-1: whether the 5×5 pixels about a pixel hold both foreground and background."""
    mask = (truth >= 0.5).float()[:, None]
    most, least = functional.max_pool2d(mask, 5, 1, 2), -functional.max_pool2d(-mask, 5, 1, 2)
    return (most - least)[:, 0]
