"""What changed since the last run: figures, parameters, footage, and which labels became better or worse."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from datasets.schema import GROUPS
from qa.report_data import FrameInfo, Key
from qa.report_memory import LabelState, Snapshot
from qa.report_scores import LABEL, METRICS, STUDENT, Metric, method_name, score

STEP = 0.05
"""A label's quality changed if it did by so much."""
WORST = 10
"""Labels that are named."""
_SETS = {"keyed": "keyed test clip", "test": "test split"}
_BY_KEY = {metric.key: metric for metric in METRICS}


@dataclass(frozen=True)
class FigureChange:
    """A number that changed. `verdict` says in a word whether that is good."""

    name: str
    before: str
    now: str
    difference: str
    verdict: Literal["better", "worse", ""]


@dataclass(frozen=True)
class LabelChange:
    """A label that lost quality."""

    path: str
    seconds: float
    before: LabelState
    now: LabelState


@dataclass(frozen=True)
class Changes:
    """What differs between two runs.

    Attributes:
        params: `(key, before, now)`, "–" where there was none.
        sources_added, sources_removed: paths of labelled footage.
        added, removed: labels. better, worse: labels whose quality changed by `STEP` or more.
        moves: `(group before, group now, labels)`, most first. lost: those that lost most quality.
    """

    figures: tuple[FigureChange, ...]
    params: tuple[tuple[str, str, str], ...]
    sources_added: tuple[str, ...]
    sources_removed: tuple[str, ...]
    added: int
    removed: int
    better: int
    worse: int
    moves: tuple[tuple[str, str, int], ...]
    lost: tuple[LabelChange, ...]


def figures(frames: Sequence[FrameInfo], metrics: Mapping[str, Any]) -> dict[str, float]:
    """The numbers of a run that are worth following; names are unique, not-a-number is left out."""
    found: dict[str, float] = {}
    if frames:
        found |= {"labels": len(frames), "flagged labels": sum(frame.flagged for frame in frames)}
        found |= {f"labels {group}": sum(frame.group == group for frame in frames) for group in GROUPS[:3]}
        found["mean quality"] = math.fsum(frame.quality for frame in frames) / len(frames)
    for name in _SETS:
        for method in (STUDENT, LABEL):
            for metric in METRICS:
                value = score(metrics.get(name) or {}, method, metric.key)
                if metric.better and math.isfinite(value):
                    found[f"{name}/{method}/{metric.key}"] = value
    milliseconds = score({"ms": metrics.get("milliseconds") or {}}, "ms", STUDENT)
    return found | ({"student ms": milliseconds} if math.isfinite(milliseconds) else {})


def changes(before: Snapshot, now: Snapshot) -> Changes:
    """What changed from one run to the next."""
    both = before.labels.keys() & now.labels.keys()
    steps = {key: now.labels[key].quality - before.labels[key].quality for key in both}
    moves = Counter((before.labels[key].group, now.labels[key].group) for key in both)
    sources = [{label.path for label in run.labels.values()} for run in (before, now)]
    worse = sorted((step, key) for key, step in steps.items() if step <= -STEP)
    return Changes(
        figures=_figures(before.figures, now.figures),
        params=tuple(
            (key, before.params.get(key, "–"), now.params.get(key, "–"))
            for key in sorted({*before.params, *now.params})
            if before.params.get(key) != now.params.get(key)
        ),
        sources_added=tuple(sorted(sources[1] - sources[0])),
        sources_removed=tuple(sorted(sources[0] - sources[1])),
        added=len(now.labels) - len(both),
        removed=len(before.labels) - len(both),
        better=sum(step >= STEP for step in steps.values()),
        worse=len(worse),
        moves=tuple(
            (old, new, count)
            for (old, new), count in sorted(moves.items(), key=lambda item: (-item[1], item[0]))
            if old != new
        ),
        lost=tuple(_lost(key, before, now) for _, key in worse[:WORST]),
    )


def _lost(key: Key, before: Snapshot, now: Snapshot) -> LabelChange:
    return LabelChange(now.labels[key].path, key[1] / 1e6, before.labels[key], now.labels[key])


def _figures(before: Mapping[str, float], now: Mapping[str, float]) -> tuple[FigureChange, ...]:
    """Figures that read differently, in the order of this run, those that are gone last."""
    rows = []
    for key in dict.fromkeys([*now, *before]):
        name, better, decimals = _described(key)
        texts = [f"{run[key]:,.{decimals}f}" if key in run else "–" for run in (before, now)]
        if texts[0] == texts[1]:
            continue
        step = now.get(key, math.nan) - before.get(key, math.nan)
        gained = step > 0 if better == "higher" else step < 0
        verdict: Literal["better", "worse", ""] = ""
        if better and math.isfinite(step):
            verdict = "better" if gained else "worse"
        difference = f"{step:+,.{decimals}f}" if math.isfinite(step) else ""
        rows.append(FigureChange(name, texts[0], texts[1], difference, verdict))
    return tuple(rows)


def _described(key: str) -> tuple[str, str, int]:
    """Name for people, which way is better, decimals."""
    parts = key.split("/")
    if len(parts) == 3:
        metric = _BY_KEY.get(parts[2], Metric(parts[2], parts[2], ""))
        name = f"{method_name(parts[1])}, {metric.title}, {_SETS.get(parts[0], parts[0])}"
        return name, metric.better, metric.decimals
    known = {
        "flagged labels": ("flagged labels", "lower", 0),
        "mean quality": ("mean quality", "higher", 3),
        "student ms": ("student, milliseconds a frame", "lower", 1),
    }
    return known.get(key, (key, "", 0))
