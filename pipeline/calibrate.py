"""`autoroto calibrate`: fit what labels depend on, on footage of known truth. Each fit is one entry of `FITS`."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from datasets.store import write_atomically
from pipeline.calibrate_annotations import annotation_samples
from pipeline.calibrate_judge import fit_on, labelled_for
from pipeline.calibration_data import known_bursts, reserved_for_fitting, viewed
from pipeline.ensemble import Ensemble, link_models
from pipeline.folds import configs_for, cross_fits, fit_for, fitting_frames, folds
from pipeline.judge_data import with_votes
from pipeline.params import Params, load_params
from pipeline.progress import stage_progress
from qa.annotation_fit import fit_annotation_judge
from qa.annotations import FITTED as ANNOTATION_JUDGE
from qa.judge import FITTED as JUDGE
from stages.fitted_reliability import FITTED, FittedReliability, reliability_bytes
from training.fit_reliability import FitConfig, fit_reliability


class UnknownFitError(ValueError):
    """A fit was asked for that does not exist."""


@dataclass(frozen=True)
class Calibration:
    """What a fit is given.

    Attributes:
        params: the project's. truth: the folder of known truth, see `pipeline.truth`.
        cache: where votes on it are kept. output: folder for the fitted files; None: where each one ships.
        jobs: processes that vote and label.
    """

    params: Params
    truth: Path
    cache: Path
    output: Path | None
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
    given = Calibration(params, truth.resolve(), cache, output, os.cpu_count() or 1, console)
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
    path = (given.output or FITTED) / "reliability.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, reliability_bytes(fitted))
    return path


def _fit_judge(given: Calibration) -> Path:
    """The judge, on labels of every frame and of views, by what `fuse` would be had it not seen their source."""
    params = given.params
    known = known_bursts(given.truth, params.ingest)
    dealt = folds(known)
    views = viewed(known, reserved_for_fitting())
    names = sorted({fit_for(one, "sets", dealt) for one in known})
    fits = cross_fits(known, names, dealt, params, given.cache, jobs=given.jobs, console=given.console, views=views)
    ensemble = Ensemble(params, given.cache)
    material = with_votes(known, ensemble) + with_votes(views, ensemble, viewed=True)
    with stage_progress("labels", given.console) as progress:
        labelled = labelled_for(
            material,
            configs_for(known, "sets", dealt, fits),
            side=params.score.side,
            cache=given.cache,
            jobs=given.jobs,
            progress=progress,
        )
    path = given.output / JUDGE.name if given.output else JUDGE
    fit_on(labelled).write(path)
    return path


def _fit_annotations(given: Calibration) -> Path:
    """The judge of imported masks, on true masks of which a share is damaged."""
    known = known_bursts(given.truth, given.params.ingest)
    with stage_progress("annotations", given.console) as progress:
        samples = annotation_samples(known, given.params, given.cache, jobs=given.jobs, progress=progress)
    path = (given.output or ANNOTATION_JUDGE.parent) / ANNOTATION_JUDGE.name
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, fit_annotation_judge(samples).as_bytes())
    return path


FITS: Mapping[str, Fit] = {"reliability": _fit_reliability, "judge": _fit_judge, "annotations": _fit_annotations}
"""By the name one asks for them by, in the order in which they depend on each other."""
