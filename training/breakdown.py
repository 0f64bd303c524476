"""What stands behind a set's means: confidence intervals by clip bootstrap, and figures scenario by scenario."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qa.intervals import clip_interval
from qa.scenarios import SCENARIOS
from training.evaluation_set import MeasuredBurst
from training.scores import BURST_METRICS, FRAME_METRICS, BurstScores

STUDENT = "student"
COMPARED = (STUDENT, "selfie_landscape", "selfie", "label", "earlier")
"""Methods that the breakdown is about: the student, what a user would take instead, what it learnt from, and the
student that it started from."""
SCENARIO_METRICS = ("iou", "boundary_f", "mad_t")
NO_SCENARIO = "in_no_scenario"


@dataclass(frozen=True)
class ScoredBurst:
    """The scores of one burst by method, and where it belongs. `scenarios`: of each frame."""

    clip: tuple[str, int]
    scenarios: tuple[tuple[str, ...], ...]
    scores: Mapping[str, BurstScores]

    @classmethod
    def of(cls, burst: MeasuredBurst, scores: Mapping[str, BurstScores]) -> ScoredBurst:
        """The scores that the breakdown needs, without the pixels."""
        scenarios = burst.scenarios or ((),) * len(burst.times)
        return cls(burst.clip, scenarios, {name: scores[name] for name in COMPARED if name in scores})


@dataclass(frozen=True)
class Resampling:
    """How often and from which seed clips are drawn."""

    resamples: int = 2000
    seed: int = 0


Values = Callable[[ScoredBurst], list[float]]


def intervals(bursts: Sequence[ScoredBurst], resampling: Resampling) -> dict[str, Any]:
    """95 % intervals of one set: `{unit, units, methods: {method: {metric: {mean, low, high}}}, student_minus: {...}}`.

    `student_minus` has the mean and the interval of the student's difference from each other method, over the frames
    that both have: an interval without 0 is a difference that other clips would show too. Clips are drawn; where all
    bursts are of one clip (`unit` is then `burst`) bursts are: that says nothing of other people.
    """
    clips = _by_unit(bursts)
    found: dict[str, Any] = {"unit": clips.unit, "units": len(clips.groups), "methods": {}, "student_minus": {}}
    for method in COMPARED:
        alone = _table(clips.groups, functools.partial(_values, method), resampling)
        if alone:
            found["methods"][method] = alone
        if method == STUDENT:
            continue
        apart = _table(clips.groups, functools.partial(_differences, method), resampling)
        if apart:
            found["student_minus"][method] = apart
    return found


def scenario_scores(bursts: Sequence[ScoredBurst], resampling: Resampling) -> dict[str, Any]:
    """`{scenario: {frames, clips, methods: {method: {metric: mean}}, student_minus: {method: {iou: …}}}}` of one set.

    A frame in several scenarios counts in each; frames in none are `in_no_scenario`. `student_minus` as in `intervals`.
    """
    found = {}
    for name in (*SCENARIOS, NO_SCENARIO):
        chosen = [part for burst in bursts if (part := _part(burst, name)) is not None]
        frames = sum(len(burst.scenarios) for burst in chosen)
        if not frames:
            continue
        clips = _by_unit(chosen)
        methods = {method: _means(chosen, method) for method in COMPARED}
        others = {method: _estimate(clips.groups, _differences(method, "iou"), resampling) for method in COMPARED[1:]}
        found[name] = {
            "frames": frames,
            "clips": len({burst.clip for burst in chosen}),
            "methods": {method: means for method, means in methods.items() if means},
            "student_minus": {method: {"iou": value} for method, value in others.items() if value},
        }
    return found


@dataclass(frozen=True)
class _Units:
    unit: str
    groups: tuple[tuple[ScoredBurst, ...], ...]


def _by_unit(bursts: Sequence[ScoredBurst]) -> _Units:
    clips: dict[tuple[str, int], list[ScoredBurst]] = {}
    for burst in bursts:
        clips.setdefault(burst.clip, []).append(burst)
    if len(clips) == 1:
        return _Units("burst", tuple((burst,) for burst in bursts))
    return _Units("clip", tuple(tuple(group) for group in clips.values()))


def _part(burst: ScoredBurst, scenario: str) -> ScoredBurst | None:
    """The frames of a burst that are in a scenario; the burst's own figures need neighbours and are left out."""
    keep = [
        index
        for index, names in enumerate(burst.scenarios)
        if scenario in names or (not names and scenario == NO_SCENARIO)
    ]
    if not keep:
        return None
    scores = {
        method: BurstScores(tuple(value.frames[index] for index in keep), {}) for method, value in burst.scores.items()
    }
    return ScoredBurst(burst.clip, tuple(burst.scenarios[index] for index in keep), scores)


def _values(method: str, metric: str) -> Values:
    def values(burst: ScoredBurst) -> list[float]:
        scores = burst.scores.get(method)
        if scores is None:
            return []
        rows = (scores.burst,) if metric in BURST_METRICS else scores.frames
        return [row[metric] for row in rows if row is not None and metric in row]

    return values


def _differences(method: str, metric: str) -> Values:
    """The student minus another method, over what both have."""

    def values(burst: ScoredBurst) -> list[float]:
        ours, theirs = burst.scores.get(STUDENT), burst.scores.get(method)
        if ours is None or theirs is None:
            return []
        if metric in BURST_METRICS:
            pairs = [(ours.burst, theirs.burst)]
        else:
            pairs = [(a, b) for a, b in zip(ours.frames, theirs.frames, strict=True) if a is not None and b is not None]
        return [a[metric] - b[metric] for a, b in pairs if metric in a and metric in b]

    return values


def _table(
    groups: Sequence[Sequence[ScoredBurst]], values_of: Callable[[str], Values], resampling: Resampling
) -> dict[str, dict[str, float]]:
    rows = {metric: _estimate(groups, values_of(metric), resampling) for metric in (*FRAME_METRICS, *BURST_METRICS)}
    return {metric: row for metric, row in rows.items() if row}


def _estimate(groups: Sequence[Sequence[ScoredBurst]], values: Values, resampling: Resampling) -> dict[str, float]:
    """Mean and interval; nothing below two units."""
    units = [[value for burst in group for value in values(burst)] for group in groups]
    interval = clip_interval(units, resamples=resampling.resamples, seed=resampling.seed)
    if interval is None:
        return {}
    flat = [value for unit in units for value in unit]
    return {"mean": math.fsum(flat) / len(flat), "low": interval.low, "high": interval.high}


def _means(bursts: Sequence[ScoredBurst], method: str) -> dict[str, float]:
    means = {}
    for metric in SCENARIO_METRICS:
        found = [value for burst in bursts for value in _values(method, metric)(burst)]
        if found:
            means[metric] = math.fsum(found) / len(found)
    return means
