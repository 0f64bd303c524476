"""The history of a training run, as a table and as DVCLive plots."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from dvclive.live import Live


def write_history(out: Path, history: Sequence[Mapping[str, float]]) -> None:
    """Write `history.csv` (one row a validation, columns as in the first row) and `dvclive/` into `out`.

    The plots are written from the whole history at once, so that a resumed run shows one unbroken curve.
    """
    with (out / "history.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(history[0]) if history else ["step"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(history)
    shutil.rmtree(out / "dvclive", ignore_errors=True)
    with _PlotsOnly(dir=str(out / "dvclive"), save_dvc_exp=False, dvcyaml=None, report=None) as live:
        for row in history:
            live.step = int(row["step"])
            for name, value in row.items():
                if name != "step":
                    live.log_metric(name, value)
            live.make_summary()


class _PlotsOnly(Live):
    """DVCLive without its search for a repository: where there is a git one only, it would run `dvc init` in it."""

    def _init_dvc(self) -> None:
        self._dvc_file = self._init_dvc_file()
