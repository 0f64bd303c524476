"""Heat maps of disagreement: how far the teachers differ at each pixel, in colours that read without colour vision."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.images import Grey, Image
from qa.report_pictures import View, outlined, view


def disagreement(votes: Sequence[Grey]) -> NDArray[np.float32]:
    """`(H, W)` float32 0-1: twice the standard deviation of the teachers' probabilities, `(H, W)` uint8 each.

    0 where all say the same, 1 where half are sure of the person and half of the background.

    Raises:
        ValueError: there is no vote.
    """
    if not votes:
        raise ValueError("disagreement needs at least one vote")
    return np.asarray(2 * np.std(np.stack(votes).astype(np.float32) / np.float32(255), axis=0), np.float32)


def heat_map(values: NDArray[np.float32]) -> Image:
    """`(H, W, 3)` uint8 RGB of `(H, W)` 0-1 in cividis: from dark blue to yellow, read without colour vision too.

    Source: J. Nuñez et al., "Optimizing colormaps with consideration for color vision deficiency", PLOS ONE, 2018.
    """
    levels = np.asarray(np.rint(np.clip(values, 0, 1) * 255), np.uint8)
    return np.asarray(cv2.cvtColor(cv2.applyColorMap(levels, cv2.COLORMAP_CIVIDIS), cv2.COLOR_BGR2RGB), np.uint8)


def heat_view(votes: Sequence[Grey], alpha: Grey) -> View:
    """The heat map of one label, with the label's outline."""
    return view("disagreement", outlined(heat_map(disagreement(votes)), alpha))
