"""`autoroto audit`: what people said of a random sample of the labels becomes the table that `curate` reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from datasets.clips import Clip, read_clips
from datasets.reviews import latest, read_decisions
from datasets.schema import QualityRow
from pipeline.params import load_params
from pipeline.shards import shards_of
from qa.audit import FILE, Audit, sentence, write_audit
from qa.audited import audited_labels, take_audit
from qa.curate import REVIEWS

LISTED = 20
"""Undecided frames that are named."""


def run_audit(root: Path, console: Console) -> Audit | None:
    """Take the audit of the project in `root` and write `data/reviews/audit.json`; None without any verdict.

    Raises:
        FileNotFoundError: an earlier stage has not run.
    """
    config = load_params(root / "params.yaml").curate
    decisions = latest(read_decisions(root / REVIEWS))
    labels = list(audited_labels(_scored(root), decisions, config.audit, annotations=config.annotations))
    undecided = [label for label in labels if label.errors is None]
    console.print(f"{len(labels)} labels are drawn, {len(undecided)} of them undecided", highlight=False)
    for label in undecided[:LISTED]:
        console.print(
            f"  {label.key[0][:12]} at {label.key[1] / 1e6:.2f} s, quality {label.quality:.2f}", highlight=False
        )
    if len(undecided) == len(labels):
        console.print("Nobody has decided on any of them: review them, then take the audit.")
        return None
    audit = take_audit(labels, config.groups, config.audit)
    write_audit(root / REVIEWS / FILE, audit)
    console.print(_table(audit))
    console.print(sentence(audit), highlight=False)
    return audit


def _table(audit: Audit) -> Table:
    table = Table(
        "group", "audited", "wrong in the core", "wrong in the band", title="Errors, with those of params.yaml"
    )
    for group, error in audit.errors.items():
        table.add_row(group, str(error.count), f"{error.core:.1%}", f"{error.band:.1%}")
    return table


def _scored(root: Path) -> Iterator[Clip]:
    """Bursts of scores, with their frames and labels."""
    scores, frames, labels = (shards_of(stage, root) for stage in ("score", "ingest", "fuse"))
    frames_of, labels_of = scores.of_same_source(frames), scores.of_same_source(labels)
    for index, score in enumerate(scores):
        paths = [shard.path for shard in (score, *labels_of(index), *frames_of(index))]
        yield from read_clips(paths, primary=QualityRow)
