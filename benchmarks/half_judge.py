"""A judge for the comparison of weights that has not seen the footage it judges.

The one that ships is fitted on all of the truth folder. This one is fitted on the half of it that students are measured
on: on the fused labels as they are, and on annotations with the damage that the footage gets, on other sources.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from corrupted import Labelled, corrupted, judged

from datasets.images import decode_grey
from pipeline.params import Params
from qa.judge import samples_of
from qa.judge_fit import fit_judge
from qa.metrics import boundary_f
from qa.standard import is_good

LEVEL, SEED = 0.4, 1000
"""Share of the annotations that are damaged, and the seed of the damage: another one than the footage has."""
FOLDS = 3
"""Parts of the sources, for the calibration."""


def with_half_judge(params: Params, others: Sequence[Labelled], path: Path) -> Params:
    """The params with a judge that was fitted on these frames and written to `path`."""
    natural = judged([replace(entry, alpha=decode_grey(entry.fused.alpha)) for entry in others], params)
    injected = corrupted(others, LEVEL, SEED, params)
    known = [(entry, entry.quality) for entry in (*natural, *injected) if entry.quality is not None]
    judge = fit_judge(
        samples_of([quality.signals for _, quality in known]),
        np.array([is_good(entry.iou, boundary_f(entry.alpha, entry.truth)) for entry, _ in known]),
        np.arange(len(known)) < len(natural),
        np.array([zlib.crc32(entry.frame.subject.encode()) % FOLDS for entry, _ in known]),
        injected=np.array([entry.damage for entry, _ in known]),
        fitted_on=f"the other half of the truth: {len(natural)} fused labels, {len(injected)} annotations",
    )
    judge.write(path)
    return params.model_copy(update={"score": params.score.model_copy(update={"judge": str(path.resolve())})})
