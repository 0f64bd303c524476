"""What the report says of groups: what each counts, how that is known, what cleaning takes from each scenario."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from datasets.schema import GROUPS
from qa.audit import FILE, read_audit, sentence
from qa.report_data import LEFT_OUT, UNGROUPED, FrameInfo
from qa.scenarios import SCENARIOS

EVERY, NONE = "every_frame", "in_no_scenario"
"""Names of the first two rows."""
MANY = 1.5
"""Times the share that cleaning takes of all frames from which a scenario loses too much."""
FEW = 5
"""Frames lost below which that may be chance."""


@dataclass(frozen=True)
class ScenarioRow:
    """What cleaning makes of the frames of one scenario.

    Attributes:
        frames: scored, the keyed test clip left out: it is never thinned out. groups: `(group, frames kept)`.
        dropped: frames left out, by whatever reason. times: their share over that of all frames.
        hit: it loses more than its share.
    """

    name: str
    frames: int
    groups: tuple[tuple[str, int], ...]
    dropped: int
    times: float
    hit: bool

    @property
    def share(self) -> float:
        """Share of the frames that cleaning left out, 0-1."""
        return self.dropped / self.frames if self.frames else 0.0


def scenario_rows(frames: Sequence[FrameInfo]) -> list[ScenarioRow]:
    """All frames, those in no scenario, then each scenario that occurs; nothing before curate has run.

    A frame in several scenarios counts in each.
    """
    footage = [frame for frame in frames if frame.role != "keyed"]
    if not footage or any(frame.group == UNGROUPED for frame in footage):
        return []
    members: dict[str, list[FrameInfo]] = {EVERY: footage, NONE: [frame for frame in footage if not frame.scenarios]}
    found = {name for frame in footage for name in frame.scenarios}
    for name in (*SCENARIOS, *sorted(found - set(SCENARIOS))):
        members[name] = [frame for frame in footage if name in frame.scenarios]
    overall = sum(frame.group == LEFT_OUT for frame in footage) / len(footage)
    return [_row(name, chosen, overall) for name, chosen in members.items() if chosen]


def _row(name: str, frames: Sequence[FrameInfo], overall: float) -> ScenarioRow:
    counts = Counter(frame.group for frame in frames)
    dropped = counts[LEFT_OUT]
    times = dropped / len(frames) / overall if overall else 1.0
    groups = tuple((group, counts[group]) for group in (*GROUPS, LEFT_OUT))
    return ScenarioRow(name, len(frames), groups, dropped, times, times >= MANY and dropped >= FEW)


def group_weights(curated: Path) -> list[dict[str, Any]]:
    """Rows of the weights table in the folder of stage `curate`, empty before it has run."""
    path = curated / "weights.parquet"
    if not path.exists():
        return []
    rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return rows if rows and "band_weight" in rows[0] else []


def audit_sentence(curated: Path) -> str:
    """How the weights and silver's threshold are known."""
    audit = read_audit(curated / FILE)
    if audit is None:
        return (
            "No audit has been taken: silver's threshold and the expected errors are those of params.yaml, nothing is "
            "proved here."
        )
    undecided = audit.drawn - audit.decided
    drawn = f"{audit.drawn:,} labels were drawn for the audit" + (
        f", {undecided:,} of them are undecided and count as bad. " if undecided else ". "
    )
    return drawn + sentence(audit)
