"""Score tables from evaluate's `metrics.json`: one row a method, one column a metric, the best of each marked."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from qa.charts import Bar

STUDENT, BASELINE, LABEL = "student", "selfie_landscape", "label"
NAMES = {
    STUDENT: "student",
    BASELINE: "MediaPipe landscape",
    "selfie": "MediaPipe general",
    LABEL: "fused label",
    "earlier": "earlier student",
}


@dataclass(frozen=True)
class Metric:
    """A column: its key in `metrics.json`, its title, which way is better, and how many decimals it is read to."""

    key: str
    title: str
    better: Literal["higher", "lower", ""]
    decimals: int = 2


METRICS = (
    Metric("iou", "IoU", "higher", 3),
    Metric("boundary_f", "boundary F", "higher", 3),
    Metric("mad", "MAD ×10³", "lower"),
    Metric("mse", "MSE ×10³", "lower"),
    Metric("grad", "Grad", "lower"),
    Metric("conn", "Conn", "lower"),
    Metric("mad_t", "MAD-T ×10³", "lower"),
    Metric("dtssd", "dtSSD ×10²", "lower"),
    Metric("flicker", "flicker ×10³", "lower"),
    Metric("boundary_iou_inside", "boundary IoU", "higher", 3),
    Metric("frames", "frames", "", 0),
)
IN_THE_FILE_ONLY = frozenset({"boundary_iou", "miou2_dataset", "flicker_static"})
"""Second readings of a metric that is shown: for comparing with papers, see docs/student.md."""


@dataclass(frozen=True)
class Cell:
    """A number as text, and whether no other method of its column is better."""

    text: str
    best: bool


@dataclass(frozen=True)
class MethodRow:
    """One method: its key, its name for people, one cell a column."""

    key: str
    name: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class MetricTable:
    """Methods against metrics on one set of frames: student, baseline and fused label first, teachers by name."""

    columns: tuple[Metric, ...]
    rows: tuple[MethodRow, ...]


def metric_table(scores: Mapping[str, Mapping[str, Any]]) -> MetricTable:
    """The table of one set; columns that no method has are left out, unknown metrics follow the known ones unranked."""
    known = {metric.key for metric in METRICS}
    found = {key for values in scores.values() for key in values} - IN_THE_FILE_ONLY
    extra = [Metric(key, key.replace("_", " "), "", 3) for key in sorted(found - known)]
    columns = [metric for metric in (*METRICS, *extra) if metric.key in found]
    best = {metric.key: _best(metric, (values.get(metric.key) for values in scores.values())) for metric in columns}
    rows = [
        MethodRow(key, method_name(key), tuple(_cell(metric, scores[key].get(metric.key), best) for metric in columns))
        for key in method_order(scores)
    ]
    return MetricTable(tuple(columns), tuple(rows))


def score(scores: Mapping[str, Mapping[str, Any]], method: str, metric: str) -> float:
    """One finite score, or not-a-number where it is missing."""
    return _finite(scores.get(method, {}).get(metric))


def miss_bars(scores: Mapping[str, Mapping[str, Any]]) -> list[Bar]:
    """1 - IoU a method, the smallest first: from zero, so that the lengths compare. The student is to be looked at."""
    return _ranked({key: 1 - score(scores, key, "iou") for key in scores}, "{:.3f}")


def time_bars(milliseconds: Mapping[str, Any]) -> list[Bar]:
    """Milliseconds a frame by method, the quickest first."""
    return _ranked({key: _finite(value) for key, value in milliseconds.items()}, "{:.1f} ms")


def _ranked(values: Mapping[str, float], text: str) -> list[Bar]:
    finite = sorted((value, key) for key, value in values.items() if math.isfinite(value))
    return [Bar(method_name(key), value, text.format(value), key == STUDENT) for value, key in finite]


def method_name(key: str) -> str:
    """What people call a method."""
    return NAMES.get(key, key)


def method_order(scores: Iterable[str]) -> list[str]:
    """The student, the baseline and the fused label, then the teachers by name."""
    first = [STUDENT, BASELINE, LABEL]
    return sorted(scores, key=lambda key: (first.index(key) if key in first else len(first), key))


def _best(metric: Metric, values: Iterable[Any]) -> float:
    finite = [value for value in map(_finite, values) if math.isfinite(value)]
    if not metric.better or not finite:
        return math.nan
    return max(finite) if metric.better == "higher" else min(finite)


def _cell(metric: Metric, value: Any, best: Mapping[str, float]) -> Cell:
    number = _finite(value)
    if not math.isfinite(number):
        return Cell("–", best=False)
    return Cell(f"{number:.{metric.decimals}f}", best=number == best[metric.key])


def _finite(value: Any) -> float:
    """The value as a float; not-a-number where it is none."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else math.nan
