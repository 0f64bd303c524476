"""The error expected of a label, 1 − IoU with a truth that nobody has, regressed from its signals.

A logistic with fractional targets (quasi-binomial): its output is the mean of 1 − IoU at such signals. The parameters
lie in `expected_error.json` beside this file, with what they were fitted on and the command that refits them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qa.annotation_case import reference
from qa.quality import Logistic, quality_of
from qa.view import View
from stages.base import Config

FITTED = Path(__file__).with_name("expected_error.json")
"""The parameters that ship."""

SIGNS: Mapping[str, int] = {
    "soft_error": 1, "soft_lost": 1, "soft_added": 1, "label_iou": -1, "label_iou_best": -1, "teacher_iou": -1,
    "teacher_f": -1, "label_f": -1, "core_doubt": 1, "band_doubt": 1, "region_area": 1, "region_largest": 1,
    "core_trust": -1, "band_trust": -1, "unknown_width": 1, "stray_area": 1, "hole_area": 1, "edge_fit": -1,
    "box_iou": -1, "box_outside": 1, "box_filled": -1, "flow_iou": -1, "flow_iou_best": -1, "area_jump": 1,
    "motion": 1, "area": -1,
}  # fmt: skip
"""Signal to +1 where more of it means more error, −1 less: the regression is monotone."""


class ErrorModel(Config):
    """Parameters: signals to the expected error; the sets and sources of the fit; the command that refits."""

    logistic: Logistic
    fitted_on: str
    refit: str


@cache
def shipped_model() -> ErrorModel:
    """The parameters that ship.

    Raises:
        FileNotFoundError: `expected_error.json` is missing: restore it from version control, or refit.
    """
    return ErrorModel.model_validate_json(FITTED.read_text(encoding="utf-8"))


def expected_error(signals: Mapping[str, float], model: ErrorModel | None = None) -> float:
    """Expected 1 − IoU, 0-1, of a label with these signals: those of `qa.signals`, in time, and `doubt_signals`."""
    return quality_of(signals, (model or shipped_model()).logistic)


def doubt_map(view: View) -> NDArray[np.float32]:
    """`(H, W)` float32 0-1: how far the teachers' weighted probability contradicts the label at each pixel."""
    if not view.votes:
        return np.ones(view.shape, np.float32)
    return np.asarray(np.abs(reference(view) - view.label.mask), np.float32)


def doubt_signals(view: View) -> dict[str, float]:
    """Error as the teachers' probability sees it: were it calibrated, these would be the expected error themselves.

    - `soft_error`: expected 1 − IoU; `soft_added`, `soft_lost`: expected area that the label has too much, and lacks,
      over the label's area.
    """
    if not view.votes:
        return {}
    probability, label = reference(view), view.label.mask
    both = float(probability[label].sum())
    lost, added = float(probability[~label].sum()), float((1 - probability[label]).sum())
    area = max(1, int(np.count_nonzero(label)))
    return {
        "soft_error": 1 - both / max(1e-6, both + lost + added),
        "soft_added": added / area,
        "soft_lost": min(1.0, lost / area),
    }
