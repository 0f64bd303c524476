"""Any stage by its name: which function brings its out up to date."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from pipeline.house import RESULT_STAGES
from pipeline.params import Params
from pipeline.run_log import Summary


def dispatch(
    stage: str, params: Params, root: Path, *, progress: Callable[[int, int, str], None] | None = None
) -> Summary:
    """Bring `data/<stage>/` up to date, whichever kind of stage it is; imports only what that kind needs.

    Raises: what `run_report`, `run_result` and `run_stage` raise.
    """
    if stage == "report":
        from pipeline.report import run_report

        return run_report(params, root)
    if stage in RESULT_STAGES:
        from pipeline.results import run_result

        return run_result(stage, params, root, progress=progress)
    from pipeline.run_stage import run_stage

    return run_stage(stage, params, root, progress=progress)
