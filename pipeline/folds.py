"""Who is fitted on whom: fits that never saw what they are measured on.

In-domain: sources (a photo, a sequence) are dealt to folds, and each source is measured with the fit that left its fold
out. Leave-one-set-out: each set is measured with the fit that saw no frame of it. The keyed clip is in no fit.
"""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Protocol

from rich.console import Console

from pipeline.calibration_data import Known, Progress, reserved_for_fitting, samples_of, viewed
from pipeline.code_digest import code_digest
from pipeline.ensemble import Ensemble
from pipeline.keys import hash_of
from pipeline.params import Params
from pipeline.progress import stage_progress
from stages.combiner import fitted_bytes
from stages.fuse import COMBINER, FuseConfig
from stages.reliability import EXPERTISE, Expertise
from training.combiner_samples import Sample, fit_expertise
from training.fit_combiner import FitConfig, fit_combiner

FOLDS = 3
KEYED = "keyed"
"""The set that is only ever measured."""
EVERYTHING = "everything"
REGIMES = ("sets", "leave_one_out")
"""Keys of the benchmark's JSON: in-domain, leave-one-set-out."""


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
    """Whether a fit sees the samples of a group."""
    if name == EVERYTHING:
        return True
    kind, _, left_out = name.partition("-")
    return collection != left_out if kind == "without" else dealt[group] != int(left_out)


def fit_names(known: Sequence[Sourced], dealt: dict[str, int]) -> list[str]:
    """All fits that measuring `known` needs."""
    return sorted({fit_for(one, regime, dealt) for one in known for regime in REGIMES})


def fit_each(
    names: Sequence[str],
    samples: Sequence[Sample],
    dealt: dict[str, int],
    config: FitConfig,
    cache: Path,
    *,
    jobs: int,
    progress: Progress,
) -> dict[str, Path | None]:
    """Fit name to its fitted file, kept in `cache` under a key of code, config and samples; None: nothing to fit on."""
    code = code_digest("training.fit_combiner")
    files: dict[str, Path | None] = {}
    for name in names:
        seen = [sample for sample in samples if fitted_on(name, sample.collection, sample.group, dealt)]
        key = hash_of([code, config.model_dump(), [_sample_digest(sample) for sample in seen]])
        files[name] = cache / "fits" / f"{key}.safetensors" if seen else None
    missing = {name: path for name, path in files.items() if path is not None and not path.exists()}
    pool = ProcessPoolExecutor(
        min(jobs, max(1, len(missing))),
        multiprocessing.get_context("spawn"),
        initializer=_open_worker,
        initargs=(samples if missing else [], dealt, config),
    )
    with pool:
        waiting = {pool.submit(_fit, name, path): name for name, path in missing.items()}
        for done, finished in enumerate(as_completed(waiting), start=1):
            finished.result()
            progress(done, len(missing), waiting[finished])
    return files


def fuse_with(config: FuseConfig, path: Path | None, teachers: Sequence[str]) -> FuseConfig:
    """The project's `fuse` with a fold's own combiner. With nothing to fit on: the weighted mean, by design alone."""
    if path is not None:
        return config.model_copy(update={"strategy": COMBINER, "fitted": str(path)})
    design = {name: Expertise(portrait=EXPERTISE.get(name, Expertise()).portrait) for name in teachers}
    return config.model_copy(update={"strategy": "weighted", "expertise": design})


def expertise_of(name: str, samples: Sequence[Sample], dealt: dict[str, int]) -> dict[str, Expertise]:
    """The expertise table that a fit's samples give; empty without samples."""
    seen = [sample for sample in samples if fitted_on(name, sample.collection, sample.group, dealt)]
    return fit_expertise(seen) if seen else {}


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

    `weighted` has its table of expertise fitted anew, `combiner` its network too. Fitted on `known` and its views,
    which are made here unless they are given.
    """
    if not known:
        return dict.fromkeys(names, params.fuse)
    config = FitConfig(edge_gain=params.fuse.edge_gain)
    material = [*known, *(viewed(known, reserved_for_fitting(), seed=config.seed) if views is None else views)]
    with stage_progress("votes", console) as progress:
        samples = samples_of(material, params, config, cache, jobs=jobs, progress=progress)
    teachers = Ensemble(params, cache).teachers
    if params.fuse.strategy != COMBINER:
        tables = {name: expertise_of(name, samples, dealt) for name in names}
        design = fuse_with(params.fuse, None, teachers).expertise
        return {name: params.fuse.model_copy(update={"expertise": design | table}) for name, table in tables.items()}
    with stage_progress("fits", console) as progress:
        files = fit_each(names, samples, dealt, config, cache, jobs=jobs, progress=progress)
    return {name: fuse_with(params.fuse, path, teachers) for name, path in files.items()}


class _Worker:
    """What one process is given once."""

    samples: Sequence[Sample]
    dealt: dict[str, int]
    config: FitConfig


def _open_worker(samples: Sequence[Sample], dealt: dict[str, int], config: FitConfig) -> None:
    _Worker.samples, _Worker.dealt, _Worker.config = samples, dealt, config


def _fit(name: str, path: Path) -> None:
    seen = [sample for sample in _Worker.samples if fitted_on(name, sample.collection, sample.group, _Worker.dealt)]
    fitted = fit_combiner(seen, _Worker.config, fitted_on=name, command="benchmarks/labels.py")
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".partial")
    unfinished.write_bytes(fitted_bytes(fitted))
    unfinished.replace(path)


def _sample_digest(sample: Sample) -> str:
    digest = hashlib.sha256(f"{sample.collection} {sample.group} {sample.teachers} {sample.boxes}".encode())
    for values in (sample.image, sample.votes, sample.truth):
        digest.update(values.tobytes())
    return digest.hexdigest()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
