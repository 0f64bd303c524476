"""After a pull: once the audit's whole sample is decided on, the audit is taken, and `dvc repro` goes by it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from rich.console import Console

from datasets.reviews import latest, read_decisions
from pipeline.audit_command import run_audit
from pipeline.params import load_params
from pipeline.review.queue import FrameKey, Scored
from qa.curate import REVIEWS


def audit_if_complete(root: Path, frames: Collection[FrameKey], console: Console) -> int:
    """Take the audit anew where `frames`, just decided on, were the last of its sample; how many of it are left.

    An undecided frame counts as bad in an audit, so one that is half decided must not be taken by itself. Where none of
    `frames` is of the sample, or the pipeline has not run on this machine, nothing is done and nothing is left.
    """
    try:
        scored = Scored(root, load_params(root / "params.yaml"))
    except FileNotFoundError:
        return 0
    left, decided = scored.queue(latest(read_decisions(root / REVIEWS)), limit=0, audit=True, also=frames)
    if not any(place.drawn for place in decided):
        return 0
    if not left:
        run_audit(root, console)
    return len(left)
