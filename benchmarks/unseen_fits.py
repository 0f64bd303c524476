"""A combiner and a judge that have seen neither what is measured nor the photos that they label.

A fifth of the photos of the truth folder is measured and otherwise unseen. The rest are dealt in two halves, and each
half is labelled by what was fitted on the other: whom to trust (`stages/fitted/reliability.json`) and the judge, as
`autoroto calibrate` would fit them. The truth of what a student learns from is read for nothing else. Sequences of
video are in no fit.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from pipeline.calibrate_judge import fit_on, labelled_for
from pipeline.calibration_data import Known, known_bursts, reserved_for_fitting, viewed
from pipeline.ensemble import Ensemble
from pipeline.folds import fitting_frames, folds, fuse_with
from pipeline.judge_data import with_votes
from pipeline.params import Params
from pipeline.progress import stage_progress
from stages.fuse import FuseConfig
from training.fit_reliability import FitConfig, fit_reliability

PARTS = 5
MEASURED = 4
"""Of the parts the photos are dealt to, the one that is measured."""
BOTH = "both"
"""The fit on both halves: for what is measured."""
HALVES = {"first": (0, 1), "second": (2, 3)}
"""Half to its parts of the photos."""
OTHER = {"first": "second", "second": "first"}


@dataclass(frozen=True)
class Dealt:
    """Truth by what it may be used for.

    Attributes:
        measured: the photos that are measured on, and every sequence.
        halves: `first` and `second`, photos to learn from (their pictures) and to fit on (their masks).
    """

    measured: tuple[Known, ...]
    halves: Mapping[str, tuple[Known, ...]]


def deal(known: Sequence[Known], photos: str) -> Dealt:
    """Deal the photos (the set of this name) by their digest; all else is measured only.

    Raises:
        ValueError: there is no such set, or it has fewer photos than parts.
    """
    stills = [one for one in known if one.collection == photos]
    parts = folds(stills, PARTS)
    if len(parts) < PARTS:
        raise ValueError(f"{len(parts)} photos in set {photos!r} of the truth folder, expected at least {PARTS}")
    halves = {name: tuple(one for one in stills if parts[one.group] in mine) for name, mine in HALVES.items()}
    held_out = [one for one in stills if parts[one.group] == MEASURED]
    return Dealt((*held_out, *(one for one in known if one.collection != photos)), halves)


def dealt_truth(options: argparse.Namespace, params: Params, photos: str) -> Dealt:
    """The truth folder of the options, dealt."""
    return deal(known_bursts(options.truth, params.ingest), photos)


def fit_fuses(dealt: Dealt, params: Params, cache: Path, *, jobs: int, console: Console) -> dict[str, FuseConfig]:
    """`first`, `second` and `both` to `fuse` with whom to trust fitted on that half, or on both."""
    known = [one for half in dealt.halves.values() for one in half]
    half_of = {one.group: name for name, half in dealt.halves.items() for one in half}
    frames = fitting_frames(known, params, cache, jobs=jobs, console=console)
    fits = {}
    with stage_progress("fits", console) as progress:
        for done, name in enumerate((*dealt.halves, BOTH), start=1):
            seen = [frame for frame in frames if name in (BOTH, half_of[frame.group])]
            fits[name] = fuse_with(params.fuse, *fit_reliability(seen, FitConfig()))
            progress(done, len(dealt.halves) + 1, name)
    return fits


def fit_judges(
    dealt: Dealt, fits: Mapping[str, FuseConfig], params: Params, cache: Path, *, jobs: int, console: Console
) -> dict[str, Path]:
    """`first` and `second` to the file of a judge fitted on that half, as labelled by what was fitted on the other."""
    ensemble, scenes = Ensemble(params, cache), reserved_for_fitting()
    files = {}
    for name, half in dealt.halves.items():
        files[name] = cache / f"judge-{name}.json"
        clips = [*with_votes(half, ensemble), *with_votes(viewed(half, scenes), ensemble, viewed=True)]
        with stage_progress(f"judge, {name} half", console) as progress:
            labelled = labelled_for(
                clips,
                {one.group: fits[OTHER[name]] for one in half},
                side=params.score.side,
                cache=cache,
                jobs=jobs,
                progress=progress,
            )
        fit_on(labelled).write(files[name])
    return files
