"""Is an imported mask right? Judged by the other teachers' votes, the picture and the neighbours in time.

The judge is a fitted logistic; its file names what it was fitted on and the command that refits it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from pydantic import Field

from qa.annotation_case import Case
from qa.annotation_signals import annotation_signals
from qa.errors import Finding, largest_region
from qa.logistic import Fitted
from qa.metrics import Mask
from qa.temporal_signals import Tracks
from qa.view import View

FITTED = Path(__file__).parent / "fitted" / "annotation_judge.json"
"""The parameters that ship."""
DOUBT = "annotation_doubt"
"""Signal of a quality row: P(the imported mask is bad)."""
WRONG_OBJECT = 0.6
"""1 − IoU with the majority from which a mask is of something else."""
LATE = 0.02
"""A mask that fits a neighbour's votes by so much more IoU than its own frame's is a frame late or early."""
UNSTEADY = 0.15
"""1 − IoU with the neighbours' masks, beyond the majority's own, from which a mask flickers."""
REGION = 0.02
"""Share of the foreground from which a contradicted region is the error, and not the outline."""

SIGNS: Mapping[str, int] = {
    "off": 1, "off_edge": 1, "excess": 1, "unsure": -1, "peer_gap": 1, "peer_best": 1, "added": 1, "missing": 1,
    "deep_added": 1, "deep_missing": 1, "far": 1, "far_back": 1, "edge_gap": 1, "contested_edge": 1, "colour": 1,
    "colour_mean": 1, "rough": 1, "teeth": 1, "corners": -1, "shift_gain": 1, "shift": 1, "unsteady": 1,
    "unsteady_gap": 1, "stray": 1, "late": 1, "stuck": 1, "burst_off": 1, "burst_excess": 1,
}  # fmt: skip
"""Signal to +1 where more of it speaks against the mask, −1 where less of it does: the judge is monotone."""


class AnnotationJudge(Fitted):
    """Parameters of the judge: signals of `qa.annotation_signals` to P(the mask is bad).

    Attributes:
        doubt_from: probability from which a mask is doubted: few of the good ones in the fit reach it.
    """

    doubt_from: float = Field(ge=0, le=1)


@dataclass(frozen=True)
class Verdict:
    """What the judge says of one imported mask.

    Attributes:
        doubt: P(the mask is bad), 0-1. finding: what is wrong with it; None: it is not doubted.
    """

    doubt: float
    finding: Finding | None


def judge_annotations(
    views: Sequence[View], judge: AnnotationJudge, tracks: Tracks | None = None
) -> list[Verdict | None]:
    """A verdict on each imported mask of a burst.

    None where a frame has none, and where nobody else voted, so that nobody can tell. `tracks` are
    `qa.temporal_signals.tracks_of(views)`, where they are known already.
    """
    verdicts: list[Verdict | None] = []
    for view, signals in zip(views, annotation_signals(views, tracks), strict=True):
        if not signals:
            verdicts.append(None)
            continue
        bad = doubt(signals, judge)
        verdicts.append(Verdict(bad, find_annotation_error(view, signals) if bad >= judge.doubt_from else None))
    return verdicts


def doubt(signals: Mapping[str, float], judge: AnnotationJudge) -> float:
    """P(the mask is bad), 0-1, from its signals."""
    return judge.logistic.value(signals)


def find_annotation_error(view: View, signals: Mapping[str, float]) -> Finding:
    """The likeliest error of a mask already doubted, and where to look.

    In order: `wrong_object`, `lag`, `flicker`, the largest region that seven in ten teachers contradict
    (`missed_region`, `over_segmentation`), and without one the outline (`jagged_edge`).
    """
    case = Case.of(view)
    given, majority = case.given.mask, case.majority.mask
    if signals["off"] >= WRONG_OBJECT:
        return Finding("wrong_object", _box_of(given | majority), 1.0)
    if signals.get("late", 0.0) >= LATE:
        return Finding("lag", _box_of(given | majority), 0.0)
    if signals.get("unsteady", 0.0) >= UNSTEADY and signals.get("unsteady_gap", 0.0) >= UNSTEADY:
        return Finding("flicker", _box_of(given | majority), 0.0)
    region = largest_region(view, case.given, share=0.7)
    if region and region.size >= REGION:
        return region
    return Finding("jagged_edge", _box_of(given ^ majority), 0.0)


def _box_of(mask: Mask) -> list[float]:
    """Bounding box as fractions of the frame; the whole frame for an empty mask."""
    x, y, width, height = cv2.boundingRect(mask.astype(np.uint8))
    rows, columns = mask.shape
    return [x / columns, y / rows, (x + width) / columns, (y + height) / rows] if width else [0.0, 0.0, 1.0, 1.0]
