"""Metrics of a sequence: dtSSD against truth, flicker without truth.

A sequence is the `(H, W)` alphas of consecutive frames: uint8 0-255, float 0-1 or bool.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np

from datasets.images import Image
from qa.metrics import Alpha, as_unit, check_shapes
from stages.flow import track_pair, warp


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


def flicker(alphas: Sequence[Alpha], images: Sequence[Image]) -> float:
    """Mean |p_t − warp(p_{t−1})| where the frames' optical flow can be trusted, 0-1, averaged over the T − 1 pairs.

    `images` are the frames, `(H, W, 3)` uint8 RGB. A perfect matte of a moving person is not quite 0: report it beside
    `flicker_static`. A pair in which nothing can be tracked (a cut) counts as 0.

    Raises:
        ValueError: fewer than two frames, or alphas and images differ in number or size.
    """
    if len(alphas) != len(images) or len(alphas) < 2:
        raise ValueError(f"flicker needs as many alphas as images, >= 2, got {len(alphas)} and {len(images)}")
    for alpha, image in zip(alphas, images, strict=True):
        if alpha.shape != image.shape[:2]:
            raise ValueError(f"flicker needs alphas of the images' size, got {alpha.shape} and {image.shape[:2]}")
    changes = []
    for (before, now), (image_before, image_now) in zip(
        itertools.pairwise(alphas), itertools.pairwise(images), strict=True
    ):
        _, back = track_pair(image_before, image_now)
        change = np.abs(as_unit(now) - warp(as_unit(before), back.flow))[back.tracked]
        changes.append(float(np.mean(change, dtype=np.float64)) if change.size else 0.0)
    return math.fsum(changes) / len(changes)


def flicker_static(alphas: Sequence[Alpha]) -> float:
    """Mean |p_t − p_{t−1}|, 0-1: flicker as it would be were nothing in the picture moving (flow = 0).

    Raises:
        ValueError: fewer than two frames.
    """
    if len(alphas) < 2:
        raise ValueError(f"flicker needs at least two frames, got {len(alphas)}")
    changes = [np.mean(np.abs(as_unit(b) - as_unit(a)), dtype=np.float64) for a, b in itertools.pairwise(alphas)]
    return math.fsum(changes) / len(changes)
