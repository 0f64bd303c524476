"""`autoroto calibrate`: fit what labels depend on, on footage of known truth. Each fit is one entry of `FITS`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from datasets.store import write_atomically
from pipeline.calibration_data import known_bursts
from pipeline.ensemble import link_models
from pipeline.folds import fitting_frames
from pipeline.params import Params, load_params
from pipeline.progress import stage_progress
from stages.fitted_reliability import FITTED, FittedReliability, reliability_bytes
from training.fit_reliability import FitConfig, fit_reliability


class UnknownFitError(ValueError):
    """A fit was asked for that does not exist."""


@dataclass(frozen=True)
class Calibration:
    """What a fit is given.

    Attributes:
        params: the project's. truth: the folder of known truth, see `pipeline.truth`.
        cache: where votes on it are kept. output: where the fitted files go. jobs: processes that vote.
    """

    params: Params
    truth: Path
    cache: Path
    output: Path
    jobs: int
    console: Console


Fit = Callable[[Calibration], Path]
"""Fits one thing and returns the file it wrote."""


def run_calibrate(root: Path, truth: Path, *, output: Path | None, names: Sequence[str], console: Console) -> None:
    """Fit what is named (everything, unless something is) and say where it is.

    Raises:
        TruthError: the truth folder is not as expected; the message says how it should be.
        UnknownFitError: there is no such fit.
    """
    unknown = sorted(set(names) - set(FITS))
    if unknown:
        raise UnknownFitError(f"nothing called {', '.join(unknown)} can be fitted; there are {', '.join(FITS)}")
    params = load_params(root / "params.yaml")
    cache = root / ".autoroto" / "calibrate"
    link_models(params, cache)
    given = Calibration(params, truth.resolve(), cache, output or FITTED, os.cpu_count() or 1, console)
    table = Table("what", "file", "bytes")
    for name in names or FITS:
        path = FITS[name](given)
        table.add_row(name, str(path), str(path.stat().st_size))
    console.print(table)


def _fit_reliability(given: Calibration) -> Path:
    """How good each teacher is at each kind of shot, and what can be seen of a vote, on the truth and views of it."""
    known = known_bursts(given.truth, given.params.ingest)
    frames = fitting_frames(known, given.params, given.cache, jobs=given.jobs, console=given.console)
    with stage_progress("reliability", given.console) as progress:
        expertise, slopes = fit_reliability(frames, FitConfig(), lambda done, total: progress(done, total, ""))
    fitted = FittedReliability(
        expertise=expertise,
        slopes=slopes,
        fitted_on=", ".join(sorted({frame.collection for frame in frames})),
        frames=len(frames),
        sources=len({frame.group for frame in frames}),
        command="autoroto calibrate --truth DIR reliability",
    )
    path = given.output / "reliability.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, reliability_bytes(fitted))
    return path


FITS: Mapping[str, Fit] = {"reliability": _fit_reliability}
"""By the name one asks for them by, in the order in which they depend on each other."""
