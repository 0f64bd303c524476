"""Judges for the comparison of weights that have not seen the footage they judge.

Those that ship are fitted on all of the truth folder. These are fitted on the half of it that students are measured on,
annotated with other draws of the damage.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from corrupted import Labelled, corrupted, judged

from datasets.images import decode_grey
from pipeline.calibrate_annotations import annotation_samples
from pipeline.calibration_data import Known, Progress
from pipeline.params import Params
from qa.annotation_fit import fit_annotation_judge
from qa.judge import samples_of
from qa.judge_fit import fit_judge
from qa.metrics import boundary_f, iou
from qa.standard import is_good

LEVEL, SEEDS = 0.4, (1000, 1001)
"""Share of the annotations that are damaged, and the seeds of the draws: others than the footage has."""
FOLDS = 3
"""Parts of the sources, for the calibration."""


def with_half_judges(
    params: Params,
    known: Sequence[Known],
    others: Sequence[Labelled],
    root: Path,
    *,
    cache: Path,
    jobs: int,
    progress: Progress,
) -> Params:
    """The params with judges of annotations and of fused labels that are fitted on these bursts, and on nothing else.

    Args:
        others: the frames of `known`. root: where the fitted files are written. cache, jobs, progress: see
            `annotation_samples`.
    """
    fitted = root / "annotation_judge.json"
    samples = annotation_samples(known, params, cache, jobs=jobs, progress=progress)
    fitted.write_bytes(fit_annotation_judge(samples).as_bytes())
    params = _scoring(params, annotation_judge=fitted)
    fit_label_judge([one for seed in SEEDS for one in judged(corrupted(others, LEVEL, seed), params, jobs=jobs)], root)
    return _scoring(params, judge=root / "judge.json")


def fit_label_judge(labels: Sequence[Labelled], root: Path) -> None:
    """Fit the judge of fused labels and write `judge.json`. It has no detectors: groups do not ask for types."""
    known = [(entry, entry.label, entry.quality) for entry in labels if entry.label and entry.quality]
    alphas = [decode_grey(label.alpha) for _, label, _ in known]
    judge = fit_judge(
        samples_of([quality.signals for _, _, quality in known]),
        np.array(
            [
                is_good(iou(alpha, entry.truth), boundary_f(alpha, entry.truth))
                for alpha, (entry, _, _) in zip(alphas, known, strict=True)
            ]
        ),
        np.ones(len(known), np.bool_),
        np.array([zlib.crc32(entry.frame.subject.encode()) % FOLDS for entry, _, _ in known]),
        fitted_on=f"the other half of the truth: {len(known)} fused labels",
    )
    judge.write(root / "judge.json")


def _scoring(params: Params, **files: Path) -> Params:
    update = {name: str(path.resolve()) for name, path in files.items()}
    return params.model_copy(update={"score": params.score.model_copy(update=update)})
