"""What the report says of a run: counts by stage, wall times, training curves, read from files by their format."""

from __future__ import annotations

import csv
import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasets.manifest import read_manifest
from datasets.receipt import Receipt
from qa.charts import Series


@dataclass(frozen=True)
class Problem:
    """A unit of work with failed inputs: its name, its reasons with counts, and the messages."""

    label: str
    failed: tuple[tuple[str, int], ...]
    details: tuple[str, ...]


@dataclass(frozen=True)
class StageCounts:
    """Conservation for one stage (one teacher of `vote`): `inputs = done + dropped + failed`, in units of its input."""

    stage: str
    folder: str
    inputs: int
    done: int
    dropped: tuple[tuple[str, int], ...]
    failed: tuple[tuple[str, int], ...]
    rows: int
    shards: int
    bytes: int
    problems: tuple[Problem, ...]

    @property
    def balanced(self) -> bool:
        """Whether every input is accounted for exactly once."""
        return self.inputs == self.done + sum(n for _, n in (*self.dropped, *self.failed))


@dataclass(frozen=True)
class StageTime:
    """Wall time of one stage. `frames` were computed, not found; `model_seconds` is summed over `workers`."""

    stage: str
    seconds: float
    frames: int
    model_seconds: float
    workers: int

    @property
    def rate(self) -> float:
        """Frames a second; 0 when nothing was computed."""
        return self.frames / self.seconds if self.seconds > 0 else 0.0

    @property
    def model_wall(self) -> float:
        """Wall seconds explained by models: their time shared by the workers, at most the whole."""
        return min(self.seconds, self.model_seconds / max(1, self.workers))


def stage_counts(manifests: Mapping[str, Path]) -> list[StageCounts]:
    """Counts per stage and folder, in the order of `manifests`; stages without a manifest are left out.

    Raises:
        ValueError: a file is no manifest; the message says how to rebuild it.
    """
    counts = []
    for stage, path in manifests.items():
        if not path.exists():
            continue
        by_folder: dict[str, list[Receipt]] = defaultdict(list)
        for receipt in read_manifest(path):
            by_folder[receipt.folder].append(receipt)
        counts += [_counts(stage, folder, receipts) for folder, receipts in sorted(by_folder.items())]
    return counts


def _counts(stage: str, folder: str, receipts: Sequence[Receipt]) -> StageCounts:
    problems = [
        Problem(receipt.label, tuple(sorted(receipt.failed.items())), receipt.details)
        for receipt in receipts
        if receipt.failed
    ]
    files = [file for receipt in receipts for file in receipt.files]
    return StageCounts(
        stage=stage,
        folder=folder,
        inputs=sum(receipt.inputs for receipt in receipts),
        done=sum(receipt.done for receipt in receipts),
        dropped=_summed(receipt.dropped for receipt in receipts),
        failed=_summed(receipt.failed for receipt in receipts),
        rows=sum(file.rows for file in files),
        shards=len(files),
        bytes=sum(file.size for file in files),
        problems=tuple(problems),
    )


def _summed(counts: Iterable[Mapping[str, int]]) -> tuple[tuple[str, int], ...]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return tuple(sorted(total.items(), key=lambda item: (-item[1], item[0])))


def read_times(run_log: Path) -> list[StageTime]:
    """For each stage its last run that computed anything (else its last), in the order they ended, from JSON lines.

    Raises:
        ValueError: a line is no run record; the message names file and line.
    """
    times: dict[str, StageTime] = {}
    for number, line in enumerate(run_log.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            values = json.loads(line)
            entry = StageTime(
                stage=str(values["stage"]),
                seconds=float(values["seconds"]),
                frames=int(values["frames"]),
                model_seconds=float(values["model_seconds"]),
                workers=int(values["workers"]),
            )
            computed = bool(values["computed"])
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{run_log} line {number} is no run record ({error!r}); delete that line") from error
        if computed or entry.stage not in times:
            times.pop(entry.stage, None)
            times[entry.stage] = entry
    return list(times.values())


def read_json(path: Path) -> Mapping[str, Any]:
    """A JSON object.

    Raises:
        ValueError: the file holds something else; the message names it.
    """
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error}); run `dvc repro` to write it again") from error
    if not isinstance(values, dict):
        raise ValueError(f"{path} holds a {type(values).__name__}, expected a JSON object")
    return values


def read_curves(history: Path) -> list[tuple[str, str, list[Series]]]:
    """Training curves: `(quantity, x column, series)` a chart, from a CSV whose first column counts epochs or steps.

    Columns that share a last word are one chart: `train_loss` and `val_loss` are curves of `loss`.
    """
    with history.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    if len(rows) < 2:
        return []
    x_name, *names = rows[0]
    charts: dict[str, list[Series]] = {}
    for column, name in enumerate(names, start=1):
        points = [(_number(row[0]), _number(row[column])) for row in rows[1:] if len(row) > column]
        points = [(x, y) for x, y in points if math.isfinite(x)]
        if any(math.isfinite(y) for _, y in points):
            part, _, quantity = name.replace("/", "_").rpartition("_")
            charts.setdefault(quantity, []).append(Series(part or quantity, points))
    return [(quantity, x_name, series) for quantity, series in charts.items()]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
