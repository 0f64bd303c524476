"""What a review of each frame of a burst is worth, as stage `score` writes it beside the other signals."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from qa.annotation_case import reference
from qa.fix_spread import reaches
from qa.queue import BurstErrors, review_order
from qa.temporal_signals import Tracks, tracks_of
from qa.view import View

GAIN = "review_gain"
"""Name of the signal."""


def review_gains(views: Sequence[View], errors: Sequence[float], tracks: Tracks | None = None) -> list[float]:
    """How much wrong each frame of a burst stands for: the expected error that reviewing it removes, summed 1 − IoU.

    That is given that the frames of its burst with more to gain come first. Bursts do not depend on each other, so all
    frames of a data set, sorted by it, are in the order of `qa.queue`. `tracks` are `tracks_of(views)`, where they are
    known already.
    """
    gains: dict[int, float] = {}
    least = np.inf
    for place in review_order([burst_errors(views, errors, tracks=tracks)]):
        # A frame that takes its correction from a nearer key frame now can make that one worth more than the first was.
        least = min(least, place.gain)
        gains[place.key[1]] = float(least)
    return [gains[index] for index in range(len(views))]


def burst_errors(
    views: Sequence[View], errors: Sequence[float], name: str = "", tracks: Tracks | None = None
) -> BurstErrors:
    """The burst for `qa.queue`; its keys are `(name, index of the frame)`."""
    reach = reaches([doubt_map(view) for view in views], tracks_of(views) if tracks is None else tracks)
    keys = [(name, index) for index in range(len(views))]
    return BurstErrors(keys, np.asarray(errors, np.float64), reach)


def doubt_map(view: View) -> NDArray[np.float32]:
    """`(H, W)` float32 0-1: how far the teachers' weighted probability contradicts the label at each pixel."""
    if not view.votes:
        return np.ones(view.shape, np.float32)
    return np.asarray(np.abs(reference(view) - view.label.mask), np.float32)
