"""What a retrained student gained and lost against the one it started from, set by set and scenario by scenario."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from training.weights import DESCRIPTION, WEIGHTS

NOW, EARLIER = "student", "earlier"
BETTER = {"iou": 1, "boundary_f": 1, "mad_t": -1, "dtssd": -1, "flicker": -1}
"""Metrics that are compared, and whether more (1) or less (-1) of them is better."""


def earlier_student(student: Path, root: Path) -> Path | None:
    """Folder of the student that the one in folder `student` started from (`train.init_from`), while it is there.

    Args:
        root: the project's root, where `init_from` is relative to.
    """
    description = json.loads((student / DESCRIPTION).read_text())
    named = description.get("config", {}).get("init_from", "")
    folder = root / named
    found = bool(named) and all((folder / name).is_file() for name in (DESCRIPTION, WEIGHTS))
    return folder if found else None


def gains(metrics: Mapping[str, Any]) -> dict[str, dict[str, dict[str, float]]]:
    """Place to metric to `{"earlier", "now", "gained"}`; above 0 is gained, below 0 lost, whichever way is better.

    Places are the sets and, where `metrics` has them, their scenarios (`test: dark`). Empty without an earlier student.

    Args:
        metrics: what evaluation writes as `metrics.json`.
    """
    found = {}
    for name in ("keyed", "test"):
        places = {name: metrics.get(name) or {}}
        for scenario, row in (metrics.get("scenarios", {}).get(name) or {}).items():
            places[f"{name}: {scenario}"] = row["methods"]
        for place, methods in places.items():
            if NOW in methods and EARLIER in methods:
                found[place] = _compared(methods[NOW], methods[EARLIER])
    return found


def _compared(now: Mapping[str, Any], earlier: Mapping[str, Any]) -> dict[str, dict[str, float]]:
    return {
        metric: {"earlier": earlier[metric], "now": now[metric], "gained": way * (now[metric] - earlier[metric])}
        for metric, way in BETTER.items()
        if metric in now and metric in earlier and None not in (now[metric], earlier[metric])
    }
