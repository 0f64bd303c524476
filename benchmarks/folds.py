"""Who is fitted on whom: fits that never saw what they are measured on.

In-domain: sources (a photo, a sequence) are dealt to folds, and each source is measured with the fit that left its fold
out. Leave-one-set-out: each set is measured with the fit that saw no frame of it. The keyed clip is in no fit.
"""

from __future__ import annotations

import hashlib
import multiprocessing
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

from pipeline.calibration_data import Known, Progress
from pipeline.code_digest import code_digest
from pipeline.keys import hash_of
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


def folds(known: Sequence[Known]) -> dict[str, int]:
    """Group to fold: the groups of each collection in order of their digest, dealt in turn."""
    dealt = {}
    for collection in sorted({one.collection for one in known}):
        groups = sorted({one.group for one in known if one.collection == collection}, key=_digest)
        dealt |= {group: index % FOLDS for index, group in enumerate(groups)}
    return dealt


def fit_for(one: Known, regime: str, dealt: dict[str, int]) -> str:
    """Name of the fit that a burst is measured with."""
    if one.collection == KEYED:
        return EVERYTHING
    return f"fold-{dealt[one.group]}" if regime == "sets" else f"without-{one.collection}"


def fitted_on(name: str, collection: str, group: str, dealt: dict[str, int]) -> bool:
    """Whether a fit sees the samples of a group."""
    if name == EVERYTHING:
        return True
    kind, _, left_out = name.partition("-")
    return collection != left_out if kind == "without" else dealt[group] != int(left_out)


def fit_names(known: Sequence[Known], dealt: dict[str, int]) -> list[str]:
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
    missing = [name for name, path in files.items() if path is not None and not path.exists()]
    pool = ProcessPoolExecutor(
        min(jobs, max(1, len(missing))),
        multiprocessing.get_context("spawn"),
        initializer=_open_worker,
        initargs=(samples if missing else [], dealt, config),
    )
    with pool:
        waiting = {pool.submit(_fit, name, files[name]): name for name in missing}
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
