"""`autoroto review status`: how far the review is, whether reviewers agree, and what it does for the labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from datasets.reviews import Decision, latest, read_decisions
from datasets.schema import FrameRow, QualityRow
from datasets.shards import read_rows
from pipeline.review.client import Studio
from pipeline.review.project import find_project
from pipeline.review.queue import FrameKey
from pipeline.shards import shards_of
from pipeline.terminal import plain
from qa.agreement import Pair, pairs
from qa.curate import REVIEWS

LISTED = 10
"""Disagreements that are named."""


@dataclass(frozen=True)
class TaskCounts:
    """Tasks of the project: all, submitted, skipped by a reviewer; and its address."""

    all: int
    submitted: int
    skipped: int
    address: str


@dataclass(frozen=True)
class Expected:
    """Labels of the footage, and how many of them are expected to be bad: all of them, and those nobody decided on."""

    labels: int
    before: float
    after: float


def count_tasks(studio: Studio, title: str) -> TaskCounts | None:
    """How far the project is; None where there is none."""
    project = find_project(studio, title)
    if project is None:
        return None
    counts: Counter[str] = Counter()
    for task in studio.tasks(project.id):
        counts["tasks"] += 1
        counts["submitted"] += bool(task.get("total_annotations"))
        counts["skipped"] += bool(task.get("cancelled_annotations"))
    address = f"{studio.url}/projects/{project.id}/data"
    return TaskCounts(counts["tasks"], counts["submitted"], counts["skipped"], address)


def expected(root: Path, decided: Collection[FrameKey]) -> Expected:
    """Labels expected to be bad: the sum of 1 - P(good) of stage `score`, with and without those decided on."""
    labels, before, after = 0, 0.0, 0.0
    scores, frames = shards_of("score", root), shards_of("ingest", root)
    of_score = scores.of_same_source(frames)
    for index, score in enumerate(scores):
        footage = {
            row.frame_key
            for shard in of_score(index)
            for row in read_rows(shard.path, FrameRow, columns=["source", "time_us", "role"])
            if row.role == "footage"
        }
        for row in read_rows(score.path, QualityRow, columns=["source", "time_us", "quality"]):
            if row.frame_key in footage:
                labels += 1
                before += 1 - row.quality
                after += 0.0 if row.frame_key in decided else 1 - row.quality
    return Expected(labels, before, after)


def show_status(root: Path, tasks: TaskCounts | None, console: Console) -> None:
    """Print it. Raises FileNotFoundError where the pipeline has not run, ReviewError where decisions are damaged."""
    if tasks is not None:
        console.print(
            f"{tasks.submitted} of {tasks.all} tasks have a submitted annotation, {tasks.skipped} were "
            f"skipped: {tasks.address}",
            highlight=False,
        )
    decisions = read_decisions(root / REVIEWS)
    if not decisions:
        console.print("Nobody's decision has been pulled yet.")
        return
    last = latest(decisions)
    console.print(_verdicts(last, decisions))
    _agreement(pairs(decisions), console)
    found = expected(root, last.keys())
    if found.labels:
        console.print(
            f"Labels expected to be bad: {found.before:.1f} of {found.labels} "
            f"({found.before / found.labels:.1%}) before, {found.after:.1f} ({found.after / found.labels:.1%}) now "
            f"that {len(last)} are decided on. (What spreads from fixed frames to their neighbours comes on top.)",
            highlight=False,
        )


def _verdicts(last: Mapping[FrameKey, Decision], decisions: Sequence[Decision]) -> Table:
    table = Table("reviewer", "accept", "fix", "reject", "seconds a frame", title=f"{len(last)} frames decided on")
    for reviewer in sorted({decision.reviewer for decision in decisions}):
        own = [decision for decision in decisions if decision.reviewer == reviewer]
        words = Counter(decision.verdict for decision in latest(own).values())
        seconds = [decision.seconds for decision in own if decision.seconds > 0]
        spent = f"{sum(seconds) / len(seconds):.0f}" if seconds else "-"
        table.add_row(plain(reviewer), *(str(words[verdict]) for verdict in ("accept", "fix", "reject")), spent)
    return table


def _agreement(found: Sequence[Pair], console: Console) -> None:
    if not found:
        return
    apart = [pair for pair in found if not pair.agree]
    ious = [pair.iou for pair in found if pair.iou is not None]
    mean = f", mean IoU of their masks {sum(ious) / len(ious):.3f}" if ious else ""
    console.print(
        f"Two reviewers looked at {len(found)} frames and agree on {len(found) - len(apart)}{mean}.", highlight=False
    )
    for line in disagreements(apart)[:LISTED]:
        console.print(f"  {line}", highlight=False, markup=False)
    if len(apart) > LISTED:
        console.print(f"  and {len(apart) - LISTED} more", highlight=False)


def disagreements(apart: Sequence[Pair]) -> list[str]:
    """Each disagreement in words; the later decision is the one that counts."""
    return [
        plain(
            f"{pair.first.source[:12]} at {pair.first.time_us / 1e6:.2f} s: {pair.first.reviewer} says "
            f"{pair.first.verdict}, {pair.second.reviewer} {pair.second.verdict}"
            f"{f', IoU {pair.iou:.2f}' if pair.iou is not None else ''}; the latter counts"
        )
        for pair in apart
    ]
