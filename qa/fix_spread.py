"""A person's fix of one frame reaches the rest of its burst: the correction follows the optical flow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from qa.metrics import Mask
from qa.temporal_signals import Tracks
from stages.flow import Track, warp

Field = NDArray[np.float32]

SHARPNESS = 4
"""Power that makes of the share of doubt that two frames have in common the share of error that a fix settles: .79 in
common one frame apart is .33 of the error, .65 three frames apart .19, .54 six frames apart .10 (sequences of known
truth). Much of what is doubted in both is right in one, or wrong along another line."""


def spread_fix(masks: Sequence[Mask], index: int, fixed: Mask, tracks: Tracks) -> list[Mask]:
    """The burst's `(H, W)` bool masks after frame `index` was fixed.

    What spreads is the correction, not the mask: the pixels that the fix turned on and off move along the flow, frame
    by frame, as long as flowing there and back agrees, and turn the neighbour's pixels the same way. A neighbour that
    had not the error is left as it is, and so is its outline: a whole mask moved over several frames would lose to it.
    Nothing reaches across a cut: there the flow does not come back.

    Raises:
        ValueError: the fix has not the shape of its frame's mask.
    """
    if fixed.shape != masks[index].shape:
        raise ValueError(
            f"the fixed mask is {fixed.shape}, the label {masks[index].shape}; bring it to the label's size"
        )
    mended = [mask.copy() for mask in masks]
    mended[index] = fixed.copy()
    on, off = fixed & ~masks[index], masks[index] & ~fixed
    for turned, value in ((on, True), (off, False)):
        for place, reached in _carried(turned.astype(np.float32), index, tracks):
            mended[place][reached >= 0.5] = value
    return mended


def reaches(doubts: Sequence[Field], tracks: Tracks) -> NDArray[np.float64]:
    """`(N, N)` float64 0-1: the share of frame j's error that fixing frame i is expected to settle; 1 on the diagonal.

    `doubts` are `(H, W)` float32 0-1, how doubtful each pixel of each label is. A fix can settle of a neighbour what is
    doubtful there and, moved along the flow, was doubtful in the fixed frame: the same error seen twice. Its share of
    the neighbour's doubt, to the power of `SHARPNESS`, is what is expected. A frame without any doubt has nothing to
    settle: 0.
    """
    share = np.eye(len(doubts))
    for index, doubt in enumerate(doubts):
        for place, reached in _carried(doubt, index, tracks):
            total = float(doubts[place].sum())
            common = float(np.minimum(reached, doubts[place]).sum()) / total if total else 0.0
            share[index, place] = common**SHARPNESS
    return share


def _carried(values: Field, index: int, tracks: Tracks) -> Iterator[tuple[int, Field]]:
    """The values of frame `index` seen from every frame that tracks lead to; 0 where the way is not tracked."""
    later = ((place, tracks[place - 1][1]) for place in range(index + 1, len(tracks) + 1))
    earlier = ((place, tracks[place][0]) for place in range(index - 1, -1, -1))
    for way in (later, earlier):
        moved = values
        for place, track in way:
            moved = _seen(moved, track)
            if not moved.any():
                break
            yield place, moved


def _seen(values: Field, track: Track) -> Field:
    return np.asarray(warp(values, track.flow) * track.tracked, np.float32)
