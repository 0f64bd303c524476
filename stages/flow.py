"""Optical flow between neighbouring frames, and where it can be trusted."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.images import Grey, Image

Flow = NDArray[np.float32]
"""`(H, W, 2)` float32: a pixel at `(x, y)` of the first frame lies at `(x, y) + flow` in the second, in pixels."""

UNTRACKED = 8.0
"""A pixel is untracked when `|forward + backward|² >= UNTRACKED` px² (PP-HumanSeg's check)."""


@dataclass(frozen=True)
class Track:
    """Where each pixel of one frame lies in another.

    Attributes:
        flow: `(H, W, 2)` float32, pixels.
        tracked: `(H, W)` bool: flowing there and back returns to about the same place, inside the frame.
    """

    flow: Flow
    tracked: NDArray[np.bool_]


def track_pair(first: Image, second: Image) -> tuple[Track, Track]:
    """Tracks first → second and second → first of two `(H, W, 3)` uint8 RGB frames of equal size.

    Dense inverse search (Kroeger et al., ECCV 2016) both ways, checked against each other.

    Raises:
        ValueError: the frames differ in size.
    """
    if first.shape != second.shape:
        raise ValueError(f"flow needs frames of equal size, got {first.shape} and {second.shape}")
    forward = _dense_inverse_search(_grey(first), _grey(second))
    backward = _dense_inverse_search(_grey(second), _grey(first))
    return Track(forward, tracked(forward, backward)), Track(backward, tracked(backward, forward))


def tracked(forward: Flow, backward: Flow) -> NDArray[np.bool_]:
    """`(H, W)` bool: `|forward(x) + backward(x + forward(x))|² < UNTRACKED` and the target lies in the frame."""
    height, width = forward.shape[:2]
    x, y = _targets(forward)
    returned = cv2.remap(backward, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    residual = ((forward + returned) ** 2).sum(axis=2)
    inside = (x >= -0.5) & (x <= width - 0.5) & (y >= -0.5) & (y <= height - 0.5)
    return np.asarray((residual < UNTRACKED) & inside, dtype=np.bool_)


def warp(values: NDArray[np.float32], flow: Flow) -> NDArray[np.float32]:
    """`values` `(H, W)` of the second frame, seen from the first: bilinear samples at `(x, y) + flow`."""
    x, y = _targets(flow)
    return np.asarray(cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), dtype=np.float32)


def _targets(flow: Flow) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    height, width = flow.shape[:2]
    x = np.arange(width, dtype=np.float32)[None, :] + flow[..., 0]
    y = np.arange(height, dtype=np.float32)[:, None] + flow[..., 1]
    return x, y


def _grey(image: Image) -> Grey:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), np.uint8)


def _dense_inverse_search(first: Grey, second: Grey) -> Flow:
    # DIS crashes the process on some pictures of a dozen pixels a side: mirror those outwards.
    height, width = first.shape
    down, right = max(0, 32 - height), max(0, 32 - width)
    if down or right:
        first, second = (np.pad(grey, ((0, down), (0, right)), mode="symmetric") for grey in (first, second))
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    flow = search.calc(first, second, np.zeros((*first.shape, 2), np.float32))
    return np.asarray(flow[:height, :width], dtype=np.float32)
