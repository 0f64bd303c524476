"""The run log: what each stage cost, one JSON object a line in `.autoroto/runs.jsonl`. Never part of a result."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Summary:
    """What a run of one stage did. Goes to the run log, never into the manifest.

    Attributes:
        computed, reused: units. frames: inputs of the computed units (ingest: frames written).
        seconds: wall time of the stage. worker_seconds, model_seconds: summed over workers; workers: how many.
        start_seconds: wall time until the first worker could begin.
        flow_seconds: wall time from the first worker's first unit to the end of the stage: start-up is not in it.
    """

    stage: str
    started: float
    seconds: float
    start_seconds: float
    units: int
    computed: int
    reused: int
    frames: int
    inputs: int
    done: int
    dropped: int
    failed: int
    worker_seconds: float
    model_seconds: float
    workers: int
    flow_seconds: float = 0.0

    @property
    def other_seconds(self) -> float:
        """Wall seconds not explained by models: what the house itself costs."""
        return self.seconds - self.model_seconds / max(1, self.workers)

    def sentence(self) -> str:
        """One line for people: what the stage did."""
        lost = "".join(
            f", {count} {word}" for count, word in ((self.dropped, "dropped"), (self.failed, "failed")) if count
        )
        return (
            f"{self.stage}: {self.computed} computed, {self.reused} reused in {self.seconds:.1f} s; "
            f"{self.inputs} in = {self.done} done{lost}"
        )


def log_path(root: Path) -> Path:
    """Where the run log lies."""
    return root / ".autoroto" / "runs.jsonl"


def log_summary(summary: Summary, root: Path) -> None:
    """Append one line to the run log."""
    path = log_path(root)
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(asdict(summary), sort_keys=True) + "\n")


def last_runs(root: Path) -> Mapping[str, Summary]:
    """For each stage its last run that computed anything, in the order they ended."""
    path = log_path(root)
    lines = path.read_text().splitlines() if path.exists() else []
    found: dict[str, Summary] = {}
    for line in lines:
        values: dict[str, Any] = json.loads(line)
        if values["computed"]:
            found.pop(values["stage"], None)
            found[values["stage"]] = Summary(**values)
    return found
