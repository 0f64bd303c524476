"""Seams: is the edge of a person who was pasted steeper than the edges of people who really stood there?

A lens spreads every outline over a pixel or more, in front of whatever it is. A paste with a hard alpha, or with the
old background's colours in its rim, has the whole step from one pixel to the next. How strong the step is depends on
the two scenes; how steep it is for its strength depends on the paste.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from datasets.images import Grey, Image, decode_grey, decode_rgb
from datasets.schema import CuratedRow
from qa.clip_audit import Finding

REACH = 3
"""Pixels to every side within which the strength of an edge is taken."""
FAINT = 24
"""Levels of 255: fainter edges are noise, and are not looked at."""
LEAST = 16
"""Outline pixels with an edge that a picture must have to be measured."""
TYPICAL = 0.1
"""Smallest spread that steepness is measured in, of the median: clips of one take can be too much alike."""
SPREADS = 4.0
"""Spreads above the median from which one composite is said to have a seam."""
CHANCE = 0.005
"""Share of the composites that may be so steep: a sharp photo of a dark hat before a plain sky is no fault."""
STEEPER = 1.0
"""Effect size from which all composites together are said to be steeper than real frames."""


@dataclass(frozen=True)
class SeamComparison:
    """The steepness of composites beside that of real frames.

    Attributes:
        effect: Cohen's d: difference of the means by the pooled standard deviation; above 0: composites are steeper.
        distance: Kolmogorov-Smirnov, 0-1: the largest difference between the two distribution functions.
    """

    real: int
    composites: int
    real_mean: float
    composite_mean: float
    effect: float
    distance: float


def steepness(image: Image, alpha: Grey) -> float | None:
    """How steep the edge along a person's outline is: mean of gradient magnitude by local contrast, 0-1.

    For every pixel next to the outline (alpha crosses one half) whose neighbourhood of `REACH` pixels spans at least
    `FAINT` levels: the largest difference to one of its four neighbours, by that span. 1: the step is whole between two
    pixels; a ramp of w pixels has 1 / w.

    Args:
        image: `(H, W, 3)` uint8 RGB. alpha: `(H, W)` uint8.

    Returns:
        None where fewer than `LEAST` pixels can be measured.
    """
    luma = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    across = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    around = np.ones((2 * REACH + 1, 2 * REACH + 1), np.uint8)
    person = (alpha >= 128).astype(np.uint8)
    outline = cv2.morphologyEx(person, cv2.MORPH_GRADIENT, across, borderType=cv2.BORDER_REPLICATE) > 0
    span = cv2.subtract(cv2.dilate(luma, around), cv2.erode(luma, around))
    step = cv2.max(cv2.subtract(cv2.dilate(luma, across), luma), cv2.subtract(luma, cv2.erode(luma, across)))
    chosen = outline & (span >= FAINT)
    if np.count_nonzero(chosen) < LEAST:
        return None
    return float(np.mean(step[chosen] / span[chosen].astype(np.float64)))


def compare(real: Sequence[float], composites: Sequence[float]) -> SeamComparison:
    """Both distributions of steepness, compared; all 0 where one of them is empty."""
    if not real or not composites:
        return SeamComparison(len(real), len(composites), 0.0, 0.0, 0.0, 0.0)
    one, other = np.asarray(real, dtype=np.float64), np.asarray(composites, dtype=np.float64)
    pooled = np.sqrt((one.var() * one.size + other.var() * other.size) / (one.size + other.size))
    difference = float(other.mean() - one.mean())
    effect = difference / float(pooled) if pooled > 0 else 0.0
    return SeamComparison(
        one.size, other.size, float(one.mean()), float(other.mean()), effect, _distance(np.sort(one), np.sort(other))
    )


def too_steep(composites: Sequence[float], *, spreads: float = SPREADS) -> float:
    """The steepness above which one composite has a seam: so many spreads above the median of all composites.

    Beside real frames a single paste cannot be judged: made small, a sharp photo has edges as steep. Beside composites
    that were made alike it can. The spread is the interquartile range by 1.35, a standard deviation where nothing is
    amiss, and at least a tenth of the median.
    """
    low, middle, high = np.quantile(composites, (0.25, 0.5, 0.75))
    return float(middle + spreads * max((high - low) / 1.35, TYPICAL * middle))


def seam_findings(edges: Mapping[str, float], comparison: SeamComparison) -> list[Finding]:
    """Composites that have a seam, and what is wrong with all of them; `edges`: steepness by the clip's name."""
    if not edges:
        return []
    limit = too_steep(list(edges.values()))
    found = [
        Finding("seam", name, f"the outline has steepness {edge:.2f}, that of other composites stays below {limit:.2f}")
        for name, edge in edges.items()
        if edge > limit
    ]
    if len(found) <= CHANCE * len(edges):
        found = []
    if comparison.effect > STEEPER:
        what = f"outlines are {comparison.effect:.1f} deviations steeper than those of {comparison.real} real frames"
        found.append(Finding("seam", "all clips", f"{what}: look at label alphas and foreground colours"))
    return found


def real_steepness(row: CuratedRow, height: int) -> float | None:
    """The steepness of a real frame made as small as clips of `height` pixels are; None of a rejected label."""
    image, alpha = decode_rgb(row.image), decode_grey(row.alpha)
    size = max(1, round(image.shape[1] * height / image.shape[0])), height
    small = [
        np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8) for picture in (image, alpha)
    ]
    return None if row.group == "reject" else steepness(small[0], small[1])


def _distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    values = np.concatenate([one, other])
    shares = [np.searchsorted(sample, values, side="right") / sample.size for sample in (one, other)]
    return float(np.abs(shares[0] - shares[1]).max())
