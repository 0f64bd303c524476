"""Smoothing over time inside a burst, along the optical flow, so that motion is not smeared."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from datasets.images import Image
from stages.base import Config
from stages.flow import Track, track_pair, warp

Maps = list[NDArray[np.float32]]
"""One `(H, W)` float32 map in 0-1 per frame, in time order."""


class TemporalConfig(Config):
    """Smoothing over the frames of a burst.

    Attributes:
        enabled: without it every frame is labelled on its own.
        neighbour: weight of each tracked neighbour beside the frame's own 1.
        flicker: how far a pixel must differ from both agreeing neighbours to be taken for flicker, 0-1.
    """

    enabled: bool = True
    neighbour: float = Field(default=0.5, ge=0)
    flicker: float = Field(default=0.1, ge=0, le=1)


class BurstTracks:
    """Flow between the neighbours of a burst, computed once and used by every smoothing.

    Attributes:
        previous, following: per frame its track to the frame before and after; None at the ends and across frames of
            unequal size.
    """

    def __init__(self, images: Sequence[Image]) -> None:
        self.previous: list[Track | None] = [None] * len(images)
        self.following: list[Track | None] = [None] * len(images)
        for index, (first, second) in enumerate(itertools.pairwise(images)):
            if first.shape == second.shape:
                self.following[index], self.previous[index + 1] = track_pair(first, second)


def fuse_neighbours(maps: Maps, tracks: BurstTracks, *, weight: float) -> Maps:
    """Mean of every map (weight 1) with its tracked neighbours (`weight` each), brought onto it by the flow.

    Where a neighbour is not tracked (occlusion, blur, a cut) it has no say: what moved unseen keeps its own votes.
    Source: adjacent-frame fusion of PP-HumanSeg, with the neighbours' order made symmetric.
    """
    fused = []
    for index, current in enumerate(maps):
        total = current.copy()
        mass = np.ones_like(current)
        for offset, track in ((-1, tracks.previous[index]), (1, tracks.following[index])):
            if track is not None:
                share = weight * track.tracked
                total += share * warp(maps[index + offset], track.flow)
                mass += share
        fused.append(np.asarray(total / mass, np.float32))
    return fused


def remove_flicker(maps: Maps, tracks: BurstTracks, *, threshold: float) -> Maps:
    """One-frame flicker removed: MODNet's OFD, on neighbours brought onto the frame by the flow.

    Where both neighbours are tracked, agree within `threshold`, and both differ from this frame by more than that, the
    frame is the odd one out and takes their mean. Source: Ke et al., MODNet, AAAI 2022, "one-frame delay".
    """
    cleaned = []
    for index, current in enumerate(maps):
        before, after = tracks.previous[index], tracks.following[index]
        if before is None or after is None:
            cleaned.append(current)
            continue
        earlier, later = warp(maps[index - 1], before.flow), warp(maps[index + 1], after.flow)
        odd = (
            (np.abs(earlier - later) <= threshold)
            & (np.abs(current - earlier) > threshold)
            & (np.abs(current - later) > threshold)
            & before.tracked
            & after.tracked
        )
        cleaned.append(np.where(odd, (earlier + later) / 2, current).astype(np.float32))
    return cleaned
