"""Who is fitted on whom: fits that never saw what they are measured on.

In-domain: sources (a photo, a sequence) are dealt to folds, and each source is measured with the fit that left its fold
out. Leave-one-set-out: each set is measured with the fit that saw no frame of it. The keyed clip is in no fit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from rich.console import Console

from pipeline.calibration_data import Known, known_frames, reserved_for_fitting, viewed
from pipeline.params import Params
from pipeline.progress import stage_progress
from stages.fuse import FuseConfig
from stages.reliability import Expertise
from training.fit_reliability import FitConfig, fit_reliability
from training.known_frames import KnownFrame

FOLDS = 3
KEYED = "keyed"
"""The set that is only ever measured."""
EVERYTHING = "everything"
REGIMES = ("sets", "leave_one_out")
"""Keys of the benchmarks' JSON: in-domain, leave-one-set-out."""


class Sourced(Protocol):
    """What has a source: `collection` names its set, `group` a photo or a sequence, never on both sides of a fit."""

    @property
    def collection(self) -> str: ...
    @property
    def group(self) -> str: ...


def folds(known: Sequence[Sourced], count: int = FOLDS) -> dict[str, int]:
    """Group to fold: the groups of each collection in order of their digest, dealt in turn to `count` folds."""
    groups: dict[str, set[str]] = {}
    for one in known:
        groups.setdefault(one.collection, set()).add(one.group)
    return {
        group: index % count
        for collection in sorted(groups)
        for index, group in enumerate(sorted(groups[collection], key=_digest))
    }


def fit_for(one: Sourced, regime: str, dealt: dict[str, int]) -> str:
    """Name of the fit that a burst is measured with."""
    if one.collection == KEYED:
        return EVERYTHING
    return f"fold-{dealt[one.group]}" if regime == "sets" else f"without-{one.collection}"


def configs_for(
    known: Sequence[Sourced], regime: str, dealt: dict[str, int], fits: Mapping[str, FuseConfig]
) -> dict[str, FuseConfig]:
    """Group to the `fuse` that its labels are made by in a regime."""
    return {one.group: fits[fit_for(one, regime, dealt)] for one in known}


def fitted_on(name: str, collection: str, group: str, dealt: dict[str, int]) -> bool:
    """Whether a fit sees the frames of a group."""
    if name == EVERYTHING:
        return True
    kind, _, left_out = name.partition("-")
    return collection != left_out if kind == "without" else dealt[group] != int(left_out)


def fit_names(known: Sequence[Sourced], dealt: dict[str, int]) -> list[str]:
    """All fits that measuring `known` needs."""
    return sorted({fit_for(one, regime, dealt) for one in known for regime in REGIMES})


def seen_by(name: str, frames: Sequence[KnownFrame], dealt: dict[str, int]) -> list[KnownFrame]:
    """The frames that a fit may see."""
    return [frame for frame in frames if fitted_on(name, frame.collection, frame.group, dealt)]


def cross_fits(
    known: Sequence[Known],
    names: Sequence[str],
    dealt: dict[str, int],
    params: Params,
    cache: Path,
    *,
    jobs: int,
    console: Console,
    views: Sequence[Known] | None = None,
) -> dict[str, FuseConfig]:
    """Fit name to the `fuse` that all measured with it is labelled by; without any truth the project's own, as it is.

    Whom to trust is fitted on `known` and its views, which are made here unless they are given; with nothing left to
    see, it is what is known by design.
    """
    if not known:
        return dict.fromkeys(names, params.fuse)
    frames = fitting_frames(known, params, cache, jobs=jobs, console=console, views=views)
    fits = {}
    with stage_progress("fits", console) as progress:
        for done, name in enumerate(names, start=1):
            seen = seen_by(name, frames, dealt)
            fits[name] = (
                fuse_with(params.fuse, *fit_reliability(seen, FitConfig())) if seen else without_fit(params.fuse)
            )
            progress(done, len(names), name)
    return fits


def fitting_frames(
    known: Sequence[Known],
    params: Params,
    cache: Path,
    *,
    jobs: int,
    console: Console,
    views: Sequence[Known] | None = None,
) -> list[KnownFrame]:
    """What is fitted on, of footage of known truth: its frames and views of them."""
    material = [*known, *(viewed(known, reserved_for_fitting()) if views is None else views)]
    with stage_progress("votes", console) as progress:
        return known_frames(material, params, cache, jobs=jobs, progress=progress)


def fuse_with(config: FuseConfig, expertise: dict[str, Expertise], slopes: dict[str, float]) -> FuseConfig:
    """The project's `fuse` with another fit than its file's."""
    update = {"expertise": {**expertise, **config.expertise}, "slopes": {**slopes, **config.slopes}}
    return without_fit(config.model_copy(update=update))


def without_fit(config: FuseConfig) -> FuseConfig:
    """The project's `fuse` without its file."""
    return config.model_copy(update={"fitted": ""})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
