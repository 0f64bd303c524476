"""Fits whom to trust: the expertise and the slopes of signals whose weighted mean of votes is nearest truth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from stages.base import Config
from stages.reliability import BY_DESIGN, SLOPES, Expertise
from stages.teacher_signals import SIGNALS
from training.known_frames import KnownFrame

KINDS = ("portrait", "figure", "distant")
_LEAST_FRAMES = 4.0
"""Frames of a kind of shot (counted by membership) below which nothing is said about teachers there."""
_LEAST_ERROR = 0.01
"""Added to a teacher's mean error: people themselves agree to about so much."""
_LEAST_SKILL = 1e-3

Progress = Callable[[int, int], None]


class FitError(ValueError):
    """There is nothing to fit on. The message says what is missing."""


class FitConfig(Config):
    """How expertise and slopes are fitted.

    Attributes:
        steps: batches in all. batch: frames in one.
        learning_rate: Adam's at the start; it falls to 0.
        pull: towards the inverse mean errors, which the expertise starts from: cost of the mean squared change of
            logarithms.
        slope_pull: of the slopes towards `stages.reliability.SLOPES`: cost of the mean squared change, signals
            scaled to spread 1.
        seed: of the order of frames.
    """

    steps: int = Field(default=800, ge=0)
    batch: int = Field(default=8, ge=1)
    learning_rate: float = Field(default=0.03, gt=0)
    pull: float = Field(default=0.01, ge=0)
    slope_pull: float = Field(default=0.002, ge=0)
    seed: int = 0


def fit_reliability(
    frames: Sequence[KnownFrame], config: FitConfig, progress: Progress = lambda done, total: None
) -> tuple[dict[str, Expertise], dict[str, float]]:
    """Teacher to expertise, the best of each kind of shot 1; signal to slope.

    Minimises the soft Jaccard distance (Rahman & Wang 2016, "Optimizing IoU") between truth and the weighted mean,
    sharpened about one half, over frames drawn so that collections count alike. One thread, so the same numbers every
    time on one kind of machine.

    Raises:
        FitError: no frame shows a person.
    """
    frames = [frame for frame in frames if frame.truth.max() >= 128]
    if not frames:
        raise FitError("no frame with votes and a truth that shows a person: nothing to fit on")
    start = measured_expertise(frames)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        skills, slopes = _fit(frames, start, config, progress)
    finally:
        torch.set_num_threads(threads)
    best = skills.max(axis=0)
    expertise = {
        teacher: Expertise(**{kind: round(float(value), 2) for kind, value in zip(KINDS, row / best, strict=True)})
        for teacher, row in zip(start, skills, strict=True)
    }
    return expertise, {name: round(float(slope), 3) for name, slope in zip(SIGNALS, slopes, strict=True)}


def measured_expertise(frames: Sequence[KnownFrame]) -> dict[str, Expertise]:
    """Teacher to 1 / mean error (1 - IoU) by kind of shot, relative to the best teacher: where the fit starts.

    Portraits are those of `BY_DESIGN`: what a model was made for is known without fitting, and few people have truth of
    talking heads. A kind of shot with too few frames gives every teacher one half.
    """
    errors: dict[str, NDArray[np.float64]] = {}
    masses: dict[str, NDArray[np.float64]] = {}
    for frame in frames:
        kinds = np.array([frame.shot.figure, frame.shot.distant])
        for teacher, found in zip(frame.teachers, frame.ious, strict=True):
            errors[teacher] = errors.get(teacher, np.zeros(2)) + kinds * (1 - found)
            masses[teacher] = masses.get(teacher, np.zeros(2)) + kinds
    skills = {
        teacher: np.where(mass >= _LEAST_FRAMES, 1 / (errors[teacher] / np.maximum(mass, 1e-9) + _LEAST_ERROR), np.nan)
        for teacher, mass in masses.items()
    }
    best = np.nanmax(np.stack([*skills.values(), np.full(2, 1e-9)]), axis=0)
    table = {}
    for teacher, skill in sorted(skills.items()):
        figure, distant = (0.5 if np.isnan(value) else float(value) for value in skill / best)
        portrait = BY_DESIGN.get(teacher, Expertise()).portrait
        table[teacher] = Expertise(portrait=portrait, figure=figure, distant=distant)
    return table


def _fit(
    frames: Sequence[KnownFrame], start: Mapping[str, Expertise], config: FitConfig, progress: Progress
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Skills `(T, 3)`, teachers in the order of `start`, and slopes `(S,)`."""
    rows = [[getattr(skill, kind) for kind in KINDS] for skill in start.values()]
    origin = torch.log(torch.tensor(rows).clamp(min=_LEAST_SKILL))
    spread = torch.from_numpy(np.concatenate([frame.signals for frame in frames]).std(axis=0) + 1e-6)
    before = _portrait_slopes()
    logs, change = origin.clone().requires_grad_(), torch.zeros(len(SIGNALS), requires_grad=True)
    optimizer = torch.optim.Adam([logs, change], config.learning_rate)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.01, max(1, config.steps))
    places = {teacher: index for index, teacher in enumerate(start)}
    counts = Counter(frame.collection for frame in frames)
    shares = np.array([1 / counts[frame.collection] for frame in frames])
    rng = np.random.default_rng(config.seed)
    for step in range(config.steps):
        chosen = rng.choice(len(frames), size=config.batch, p=shares / shares.sum())
        slopes = before + change / spread
        cost = torch.stack([_cost(logs, slopes, frames[int(index)], places) for index in chosen]).mean()
        cost = cost + config.pull * (logs - origin).square().mean() + config.slope_pull * change.square().mean()
        optimizer.zero_grad()
        cost.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        progress(step + 1, config.steps)
    return np.exp(logs.detach().double().numpy()), (before + change / spread).detach().double().numpy()


def _cost(logs: Tensor, slopes: Tensor, frame: KnownFrame, places: Mapping[str, int]) -> Tensor:
    """Soft Jaccard distance of the weighted mean, as `stages.reliability.weigh` and `strategies.weighted` give it."""
    skills = logs[[places[teacher] for teacher in frame.teachers]].exp()
    shot = torch.tensor([getattr(frame.shot, kind) for kind in KINDS], dtype=torch.float32)
    slopes = frame.shot.portrait * _portrait_slopes() + (1 - frame.shot.portrait) * slopes
    weights = torch.softmax(torch.log(skills @ shot) + torch.from_numpy(frame.signals) @ slopes, dim=0)
    mean = (weights[:, None, None] * torch.from_numpy(frame.maps())).sum(dim=0).clamp(0.01, 0.99)
    found = mean.square() / (mean.square() + (1 - mean).square())  # twice the logit: what counts is the side of 1/2
    truth = torch.from_numpy(frame.truth.astype(np.float32) / np.float32(255))
    both = (found * truth).sum()
    return 1 - both / (found.sum() + truth.sum() - both)


def _portrait_slopes() -> Tensor:
    """`SLOPES` as `(S,)`."""
    return torch.tensor([SLOPES.get(name, 0.0) for name in SIGNALS])
