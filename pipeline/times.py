"""The table of where the time went."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table

from pipeline.run_log import Summary


def times_table(runs: Mapping[str, Summary]) -> Table:
    """Stage, seconds, frames, frames/s, seconds inside models, other seconds; one row a stage and a sum.

    Seconds inside models (and inside training) are summed over workers and divided by their number, so that the last
    column is the wall time that the house itself costs.
    """
    table = Table(title="Where the time went (each stage's last run that computed anything)")
    for name in ("stage", "seconds", "units", "frames", "frames/s", "in models", "other"):
        table.add_column(name, justify="left" if name == "stage" else "right")
    for run in runs.values():
        rate = f"{run.frames / run.seconds:.1f}" if run.frames else ""
        inside = run.seconds - run.other_seconds
        table.add_row(
            run.stage, f"{run.seconds:.1f}", f"{run.computed}/{run.units}", str(run.frames or ""), rate,
            f"{inside:.1f}", f"{run.other_seconds:.1f}",
        )  # fmt: skip
    seconds = sum(run.seconds for run in runs.values())
    other = sum(run.other_seconds for run in runs.values())
    table.add_section()
    table.add_row("all", f"{seconds:.1f}", "", "", "", f"{seconds - other:.1f}", f"{other:.1f}")
    return table
