"""The prior and the retraining, as the report's student section tells them, from evaluate's `metrics.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

VERDICTS = {
    "fine": "uses its prior and lets go of a wrong one",
    "ignores": "ignores its prior: frames are segmented one by one, and edges may flicker",
    "worships": "worships its prior: a wrong mask is kept, as after a cut",
}


@dataclass(frozen=True)
class Cell:
    """A gain as text, and whether it is a loss."""

    text: str
    lost: bool


def prior_sentences(metrics: Mapping[str, Any]) -> list[str]:
    """One sentence a set."""
    found = []
    for name, lock in sorted((metrics.get("prior") or {}).items()):
        ious = ", ".join(f"{prior} {value:.3f}" for prior, value in lock["iou"].items())
        recovery = lock["recovery_frames"]
        cut = "no cuts to recover from" if recovery is None else f"{recovery:.1f} frames to recover from a cut"
        found.append(f"On the set {name} the student {VERDICTS[lock['verdict']]}. IoU by prior: {ious}; {cut}.")
    return found


def retraining_rows(metrics: Mapping[str, Any]) -> tuple[list[str], list[tuple[str, list[Cell]]]]:
    """Names of the metrics, and a row a place: what was gained, with its sign; a dash where nothing was measured."""
    places: Mapping[str, Mapping[str, Mapping[str, float]]] = metrics.get("retraining") or {}
    names = list(dict.fromkeys(metric for row in places.values() for metric in row))
    rows = []
    for place, row in places.items():
        cells = [_cell(row[metric]["gained"]) if metric in row else Cell("–", lost=False) for metric in names]
        rows.append((place, cells))
    return names, rows


def _cell(gained: float) -> Cell:
    return Cell(f"{gained:+.3f}", lost=round(gained, 3) < 0)
