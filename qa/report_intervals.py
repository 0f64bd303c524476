"""How sure the student's scores are, and where it is good: intervals and scenarios from evaluate's `metrics.json`."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from qa.report_scores import BASELINE, LABEL, METRICS, STUDENT, Metric, method_name

GENERAL = "selfie"
OTHERS = (BASELINE, GENERAL, LABEL)
SHOWN = ("iou", "boundary_f", "mad_t", "dtssd", "flicker")


@dataclass(frozen=True)
class Estimate:
    """A mean and its 95 % interval as text, and what that says of a difference; "" where there is none."""

    mean: str
    interval: str = ""
    verdict: Literal["better", "worse", "cannot tell", ""] = ""


@dataclass(frozen=True)
class SureTable:
    """One row for the student's own scores, one for its difference from each other method.

    Attributes:
        unit: what was drawn: `clip` or `burst`. units: how many there are.
    """

    columns: tuple[Metric, ...]
    rows: tuple[tuple[str, tuple[Estimate, ...]], ...]
    unit: str
    units: int


@dataclass(frozen=True)
class ScenarioScore:
    """One scenario: IoU by method in the order of `METHODS`, and the student's difference from MediaPipe landscape."""

    name: str
    frames: int
    clips: int
    ious: tuple[str, ...]
    difference: Estimate


METHODS = (STUDENT, *OTHERS)


def sure_table(intervals: Mapping[str, Any]) -> SureTable | None:
    """The table of one set's `intervals`; None without any, as from one clip of one burst."""
    own = (intervals.get("methods") or {}).get(STUDENT)
    if not own:
        return None
    columns = tuple(metric for metric in METRICS if metric.key in SHOWN and metric.key in own)
    rows = [(method_name(STUDENT), tuple(estimate(own.get(metric.key), metric) for metric in columns))]
    minus = intervals.get("student_minus") or {}
    for method in OTHERS:
        if method in minus:
            found = tuple(difference(minus[method].get(metric.key), metric) for metric in columns)
            rows.append((f"student − {method_name(method)}", found))
    return SureTable(columns, tuple(rows), str(intervals.get("unit", "clip")), int(intervals.get("units", 0)))


def scenario_scores(scenarios: Mapping[str, Any]) -> list[ScenarioScore]:
    """Rows of one set's `scenarios`, where the student is furthest behind MediaPipe landscape first."""
    rows = sorted(scenarios.items(), key=lambda item: (_lead(item[1]), item[0]))
    return [_scenario(name, row) for name, row in rows]


def estimate(value: Mapping[str, float] | None, metric: Metric) -> Estimate:
    """A score; a dash where there is none."""
    if not value:
        return Estimate("–")
    mean, low, high = (f"{value[key]:.{metric.decimals}f}" for key in ("mean", "low", "high"))
    return Estimate(mean, f"{low} to {high}")


def difference(value: Mapping[str, float] | None, metric: Metric) -> Estimate:
    """The student minus another, signed, and whether that is good; with 0 inside nothing is told."""
    if not value:
        return Estimate("–")
    signed = (f"{value[key]:+.{metric.decimals}f}" for key in ("mean", "low", "high"))
    mean, low, high = (text.replace("-", "−") for text in signed)
    interval = f"{low} to {high}"
    if not metric.better or value["low"] <= 0 <= value["high"]:
        return Estimate(mean, interval, "cannot tell")
    return Estimate(mean, interval, "better" if (value["low"] > 0) == (metric.better == "higher") else "worse")


def _scenario(name: str, row: Mapping[str, Any]) -> ScenarioScore:
    iou = METRICS[0]
    ious = (row["methods"].get(method, {}).get("iou") for method in METHODS)
    cells = tuple("–" if value is None else f"{value:.{iou.decimals}f}" for value in ious)
    apart = row.get("student_minus", {}).get(BASELINE, {}).get("iou")
    return ScenarioScore(name, int(row["frames"]), int(row["clips"]), cells, difference(apart, iou))


def _lead(row: Mapping[str, Any]) -> float:
    """The student's IoU minus the baseline's; scenarios without one of the two come last."""
    ours, theirs = (row["methods"].get(method, {}).get("iou") for method in (STUDENT, BASELINE))
    return math.inf if ours is None or theirs is None else ours - theirs
