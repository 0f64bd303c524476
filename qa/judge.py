"""The judge: signals of a label to P(IoU ≥ 0.95 and boundary F ≥ 0.85), fitted on labels with truth, read from JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from qa.boosting import Boosted, Samples, sigmoid
from qa.expected_error import ExpectedError, held_areas

FITTED = Path(__file__).parent / "fitted" / "judge.json"
"""The judge that ships."""

SIGNALS: dict[str, int] = {
    "label_iou": 1,
    "label_iou_best": 1,
    "label_iou_second": 1,
    "label_iou_worst": 1,
    "label_f": 1,
    "label_f_best": 1,
    "label_f_second": 1,
    "label_f_worst": 1,
    "support": 1,
    "expert_missing": -1,
    "expert_surplus": -1,
    "expert_iou": 1,
    "expert_f": 1,
    "expert_support": 1,
    "expert_core": -1,
    "expert_band": -1,
    "teacher_iou": 0,
    "teacher_iou_min": 0,
    "teacher_f": 0,
    "core_doubt": -1,
    "band_doubt": -1,
    "region_area": -1,
    "region_largest": -1,
    "missing_area": -1,
    "missing_weight": -1,
    "missing_dissent": -1,
    "missing_colour": -1,
    "missing_edge": -1,
    "surplus_area": -1,
    "surplus_weight": -1,
    "surplus_dissent": -1,
    "surplus_colour": -1,
    "surplus_edge": -1,
    "components": -1,
    "stray_area": -1,
    "apart_area": -1,
    "holes": -1,
    "hole_area": -1,
    "edge_fit": 1,
    "edge_mean": 1,
    "edge_low": 1,
    "rival_fit": -1,
    "jagged_length": -1,
    "jagged_area": -1,
    "box_iou": 0,
    "box_outside": -1,
    "box_filled": 0,
    "box_short": -1,
    "box_over": -1,
    "flow_iou": 1,
    "flow_iou_best": 1,
    "flow_iou_least": 1,
    "votes_steady": 1,
    "votes_steady_least": 1,
    "odd_one": -1,
    "majority_odd": -1,
    "majority_steady": 1,
    "steady_burst": 1,
    "area_jump": -1,
    "centroid_jump": -1,
    "lag": -1,
    "trail": -1,
    "trail_lead": -1,
    "trail_burst": -1,
    "offset_gain": -1,
    "offset_burst": -1,
    "shift_gain": -1,
    "shift_burst": -1,
}
"""What the judge looks at, and which way it counts: 1 more is better, -1 more is worse, 0 either.

Signals of how the label was made (trust, the trimap's width) and of what is shown (area, persons, contact, motion) are
left out: the first would tie the judge to one fusion, the second would let it learn which set a frame comes from. What
may be held counts in `expected_errors` alone.
"""


SHARPNESS = 1.5
"""Of the product of chances: 1 is the plain one. Sharper, what speaks against a label counts for more."""
SUSPICION = 0.5
"""Added to the log-odds of every error. These two rank errors better, and natural labels a little worse."""


class JudgeError(ValueError):
    """A fitted judge cannot be used. The message names the file and the cure."""


@dataclass(frozen=True)
class Judge:
    """A fitted judge: how good labels are in general, and a detector of each error.

    A label is good when it is good in general and no detector is right: a sharpened product of the chances of that,
    calibrated (`combined`). One model alone would rank what is common: how good labels naturally are. Errors that are
    rare are lost in that.

    Attributes:
        signals: names, in the order of the models' columns.
        model: signals to the log-odds of a good label. detectors: type of error to the model of its log-odds.
        slope, offset: Platt's calibration, `P = sigmoid(slope · log-odds + offset)`.
        fitted_on: what it was fitted on, for people. command: what refits it.
        expected: how much of a label is wrong; None in a file that was fitted before there was such a thing.
    """

    signals: tuple[str, ...]
    model: Boosted
    detectors: Mapping[str, Boosted]
    slope: float
    offset: float
    fitted_on: str
    command: str
    expected: ExpectedError | None = None

    def probability(self, signals: Mapping[str, float]) -> float:
        """P(the label is good) from its signals by name; missing ones are allowed."""
        return float(self.probabilities(samples_of([signals], self.signals))[0])

    def probabilities(self, samples: Samples) -> NDArray[np.float64]:
        """`(N,)` probabilities of `(N, F)` samples with the judge's columns."""
        odds = combined(self.model.log_odds(samples), [one.log_odds(samples) for one in self.detectors.values()])
        return sigmoid(self.slope * odds + self.offset)

    def expected_errors(self, signals: Sequence[Mapping[str, float]]) -> NDArray[np.float64]:
        """`(N,)` expected 1 − IoU of labels from their signals; without `expected`, the chance that they are bad."""
        samples = samples_of(signals, self.signals)
        if self.expected is None:
            return 1 - self.probabilities(samples)
        return self.expected.of(samples, held_areas(signals))

    def errors(self, samples: Samples) -> list[str]:
        """The likeliest error of each of `(N, F)` samples with the judge's columns; "" by a judge without detectors."""
        kinds = list(self.detectors)
        if not kinds:
            return [""] * len(samples)
        odds = np.stack([one.log_odds(samples) for one in self.detectors.values()])
        return [kinds[index] for index in odds.argmax(axis=0)]

    def write(self, path: Path) -> None:
        """One JSON file; the same judge gives the same bytes."""
        values = {
            "fitted_on": self.fitted_on,
            "command": self.command,
            "signals": list(self.signals),
            "slope": self.slope,
            "offset": self.offset,
            "model": self.model.as_json(),
            "detectors": {kind: one.as_json() for kind, one in self.detectors.items()},
            "expected": self.expected and self.expected.as_json(),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values, separators=(",", ":")) + "\n", encoding="utf-8")

    @classmethod
    def read(cls, path: Path = FITTED) -> Judge:
        """The judge in a file that `write` wrote.

        Raises:
            JudgeError: the file is missing, is no judge, or looks at signals that are not computed any more.
        """
        cure = "refit it with `autoroto calibrate --truth DIR`, or set score.judge to another file"
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            judge = cls(
                tuple(values["signals"]),
                Boosted.from_json(values["model"]),
                {kind: Boosted.from_json(one) for kind, one in values["detectors"].items()},
                float(values["slope"]),
                float(values["offset"]),
                str(values["fitted_on"]),
                str(values["command"]),
                ExpectedError.from_json(expected) if (expected := values.get("expected")) else None,
            )
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise JudgeError(f"{path}: no fitted judge ({error}); {cure}") from error
        unknown = sorted(set(judge.signals) - set(SIGNALS))
        if unknown:
            raise JudgeError(f"{path}: the judge looks at {', '.join(unknown)}, which no signal is called; {cure}")
        return judge


def samples_of(signals: Sequence[Mapping[str, float]], names: Sequence[str] = tuple(SIGNALS)) -> Samples:
    """`(N, F)` float64 with a column a name; NaN where a label lacks a signal."""
    return np.asarray([[one.get(name, np.nan) for name in names] for one in signals], np.float64).reshape(
        len(signals), len(names)
    )


def combined(log_odds: NDArray[np.float64], errors: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """`(N,)` log-odds of: good, of these `(N,)` log-odds, and none of the errors, of those log-odds each.

    `logit(Π sigmoid(s·x)) / s` over x = `log_odds` and every −(error + `SUSPICION`), with s = `SHARPNESS`.
    """
    parts = [log_odds, *(-(one + SUSPICION) for one in errors)]
    chance = -sum(np.logaddexp(0, -SHARPNESS * part) for part in parts)
    chance = np.minimum(chance, -1e-9)  # log P; its odds are P / (1 - P)
    return np.asarray((chance - np.log(-np.expm1(chance))) / SHARPNESS, np.float64)
