"""What evaluation writes: metrics.json, a row a frame, plots, and sample pictures for the report."""

from __future__ import annotations

import csv
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datasets.images import Grey, encode_jpeg, encode_png
from training.breakdown import SCENARIO_METRICS, Resampling, ScoredBurst, intervals, scenario_scores
from training.evaluation_set import MeasuredBurst
from training.replay import Replay
from training.scores import BURST_METRICS, FRAME_METRICS, BurstScores, mean_scores

SETS = ("keyed", "test")
SCENARIO_COLUMNS = ("set", "scenario", "method", "frames", "clips", *SCENARIO_METRICS)
SAMPLE_SCHEMA = pa.schema(
    [("set", pa.string()), ("frame_name", pa.string()), ("iou", pa.string())]
    + [(name, pa.large_binary()) for name in ("frame", "truth", "student", "selfie_landscape", "label")]
)


class EvaluationTables:
    """Collects scores burst by burst: numbers, and a few encoded pictures.

    Args:
        bursts: how many bursts each set has. samples: how many pictures to keep of each.
        resampling: how clips are drawn for the confidence intervals.
    """

    def __init__(self, bursts: Mapping[str, int], samples: int, resampling: Resampling | None = None) -> None:
        self._resampling = resampling or Resampling()
        self._scored: dict[str, list[ScoredBurst]] = {name: [] for name in SETS}
        self._scores: dict[str, dict[str, list[BurstScores]]] = {name: defaultdict(list) for name in SETS}
        self._frames: list[dict[str, Any]] = []
        self._samples: list[dict[str, Any]] = []
        self._seen = dict.fromkeys(SETS, 0)
        self._replay = Replay(bursts.get("keyed", 0))
        self._every = {name: max(math.ceil(bursts.get(name, 0) / samples), 1) if samples else 0 for name in SETS}

    def add(
        self, burst: MeasuredBurst, found: Mapping[str, Sequence[Grey | None]], scores: Mapping[str, BurstScores]
    ) -> None:
        """Take in one burst: each method's alphas and their scores."""
        for method, score in scores.items():
            self._scores[burst.set][method].append(score)
            for time, values in zip(burst.times, score.frames, strict=True):
                if values is not None:
                    row = {"set": burst.set, "burst": burst.name, "time_us": time, "method": method}
                    self._frames.append({**row, **{name: f"{value:.6g}" for name, value in values.items()}})
        self._scored[burst.set].append(ScoredBurst.of(burst, scores))
        every = self._every[burst.set]
        if every and self._seen[burst.set] % every == 0:
            self._samples.append(_sample(burst, found, scores))
        if burst.set == "keyed":
            self._replay.add(burst, found, scores)
        self._seen[burst.set] += 1

    def metrics(self) -> dict[str, dict[str, dict[str, float]]]:
        """Set to method to metric; methods without a single frame are left out."""
        means = {
            name: {method: mean_scores(scores) for method, scores in sorted(methods.items())}
            for name, methods in self._scores.items()
        }
        return {name: {m: v for m, v in methods.items() if v["frames"]} for name, methods in means.items()}

    def breakdown(self) -> dict[str, dict[str, Any]]:
        """`intervals` and `scenarios` of each set that was measured, see `training.breakdown`."""
        measured = {name: bursts for name, bursts in self._scored.items() if bursts}
        return {
            "intervals": {name: intervals(bursts, self._resampling) for name, bursts in measured.items()},
            "scenarios": {name: scenario_scores(bursts, self._resampling) for name, bursts in measured.items()},
        }

    def write(self, out: Path, milliseconds: Mapping[str, float]) -> None:
        """Write all files into `out`."""
        (out / "plots").mkdir(parents=True, exist_ok=True)
        metrics = self.metrics()
        found = {**metrics, **self.breakdown(), "milliseconds": dict(milliseconds)}
        text = json.dumps(found, indent=2, sort_keys=True)
        (out / "metrics.json").write_text(text + "\n")
        _write_csv(out / "frames.csv", ("set", "burst", "time_us", "method", *FRAME_METRICS), self._frames)
        methods = [
            {"set": name, "method": method, **values}
            for name, by_method in metrics.items()
            for method, values in by_method.items()
        ]
        columns = ("set", "method", *FRAME_METRICS, *BURST_METRICS, "miou2_dataset", "frames")
        _write_csv(out / "plots" / "methods.csv", columns, methods)
        _write_csv(out / "scenarios.csv", SCENARIO_COLUMNS, _scenario_rows(found["scenarios"]))
        _write_csv(out / "plots" / "keyed_iou.csv", ("frame", "method", "iou"), self._keyed_curve())
        pq.write_table(pa.Table.from_pylist(self._samples, schema=SAMPLE_SCHEMA), out / "samples.parquet")
        self._replay.write(out)

    def _keyed_curve(self) -> list[dict[str, Any]]:
        """IoU along the keyed clip: frames are numbered in the order in which they were measured."""
        numbers: dict[tuple[str, int], int] = {}
        keyed = [row for row in self._frames if row["set"] == "keyed"]
        for row in keyed:
            numbers.setdefault((row["burst"], row["time_us"]), len(numbers))
        return [
            {"frame": numbers[row["burst"], row["time_us"]], "method": row["method"], "iou": row["iou"]}
            for row in keyed
        ]


def _scenario_rows(scenarios: Mapping[str, Any]) -> list[dict[str, Any]]:
    """One row a set, scenario and method."""
    return [
        {"set": name, "scenario": scenario, "method": method, "frames": row["frames"], "clips": row["clips"], **means}
        for name, rows in scenarios.items()
        for scenario, row in rows.items()
        for method, means in row["methods"].items()
    ]


def _sample(
    burst: MeasuredBurst, found: Mapping[str, Sequence[Grey | None]], scores: Mapping[str, BurstScores]
) -> dict[str, Any]:
    """The burst's middle frame as pictures; a method that has nothing for it has no picture (empty bytes)."""
    index = len(burst.times) // 2
    values = scores["student"].frames[index] or {}
    pictures: dict[str, bytes] = {
        "frame": encode_jpeg(burst.images[index], quality=90),
        "truth": encode_png(burst.truths[index]),
    }
    for method in ("student", "selfie_landscape", "label"):
        alpha = found[method][index] if method in found else None
        pictures[method] = encode_png(alpha) if alpha is not None else b""
    name = f"{burst.name}, {burst.times[index] / 1e6:.2f} s"
    return {"set": burst.set, "frame_name": name, "iou": f"student IoU {values.get('iou', 0):.3f}", **pictures}


def _write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=columns, lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(rows)
