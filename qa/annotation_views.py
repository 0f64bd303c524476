"""Views of bursts that have imported masks and no labels yet: what the judge of imported masks is fitted on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np

from datasets.clips import Clip
from datasets.images import Grey, decode_grey
from datasets.schema import FrameRow, LabelRow
from qa.examples import label_of
from qa.metrics import Mask, as_mask
from qa.view import View, view_of
from stages.fuse import label_size


def truth_masks(frames: Sequence[FrameRow], truths: Sequence[bytes], *, longest_side: int) -> list[Mask]:
    """Truths, 8-bit grey PNGs, as `(H, W)` bool at the size that stage `fuse` gives the frames' labels."""
    masks = []
    for frame, truth in zip(frames, truths, strict=True):
        size = label_size(frame.width, frame.height, longest_side)
        sized = cv2.resize(decode_grey(truth), size, interpolation=cv2.INTER_AREA)
        masks.append(as_mask(np.asarray(sized, np.uint8)))
    return masks


def views_of(clip: Clip, masks: Sequence[Mask], *, side: int) -> list[View]:
    """Views of a burst that has no labels yet: the masks stand in for them, which no signal of a mask looks at."""
    greys = (mask.astype(np.uint8) * 255 for mask in masks)
    labels = tuple(label_of(frame, grey) for frame, grey in zip(clip.frames, greys, strict=True) if frame)
    labelled = replace(clip, joined={**clip.joined, LabelRow: labels})
    return [view_of(labelled, index, side=side) for index in range(len(labelled))]


def with_masks(views: Sequence[View], masks: Sequence[Mask]) -> list[View]:
    """The views with these masks imported, reduced as `qa.view` reduces them."""
    return [
        replace(view, annotation=as_mask(_reduced(mask, view.shape))) for view, mask in zip(views, masks, strict=True)
    ]


def _reduced(mask: Mask, shape: tuple[int, int]) -> Grey:
    grey = mask.astype(np.uint8) * 255
    return np.asarray(cv2.resize(grey, shape[::-1], interpolation=cv2.INTER_AREA), np.uint8)
