"""Metrics of a sequence of alphas: dtSSD against truth. A sequence is `(H, W)` alphas of consecutive frames.

Alphas are uint8 0-255, float 0-1 or bool.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from qa.metrics import Alpha, as_unit, check_shapes


def dtssd(preds: Sequence[Alpha], truths: Sequence[Alpha]) -> float:
    """Temporal incoherence sqrt(mean((Δp − Δg)²)) × 1e2, Δ between neighbours, averaged over the T − 1 pairs.

    (RVM counts frame 0 as a 0 in the average; this does not.)

    Raises:
        ValueError: fewer than two frames, or sequences of different lengths.

    Source: Erofeev et al., "Perceptually Motivated Benchmark for Video Matting", BMVC 2015.
    """
    if len(preds) != len(truths) or len(preds) < 2:
        raise ValueError(f"dtssd needs two sequences of one length >= 2, got {len(preds)} and {len(truths)}")
    errors = []
    for pred, truth in zip(preds, truths, strict=True):
        check_shapes(pred, truth)
        errors.append(as_unit(pred) - as_unit(truth))
    # Δp − Δg is the change of the error p − g.
    roots = [math.sqrt(np.mean(np.square(b - a), dtype=np.float64)) for a, b in itertools.pairwise(errors)]
    return math.fsum(roots) / len(roots) * 1e2
