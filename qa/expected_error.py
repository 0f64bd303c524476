"""How much of a label is expected to be wrong: what reviewing it is worth, where P(good) only says whether it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from qa.boosting import Boosted, Samples, sigmoid
from qa.held import HELD


@dataclass(frozen=True)
class ExpectedError:
    """Fitted expectation of 1 − IoU of a label with truth.

    What may be held (`qa.held`) is added to what the trees say: an area that is missing adds to the error whatever else
    is wrong, which a sum of log-odds cannot say.

    Attributes:
        model: signals to the log-odds of a pixel being wrong. held: 0-1, how much of held areas truth has.
    """

    model: Boosted
    held: float

    def of(self, samples: Samples, held: NDArray[np.float64]) -> NDArray[np.float64]:
        """`(N,)` expected 1 − IoU, 0-1, of `(N, F)` samples and their `(N,)` signal `held_area`."""
        return np.asarray(np.minimum(sigmoid(self.model.log_odds(samples)) + self.held * held, 1), np.float64)

    def as_json(self) -> dict[str, Any]:
        """Plain lists and numbers; `from_json` gives the same back."""
        return {"model": self.model.as_json(), "held": self.held}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> ExpectedError:
        """What `as_json` wrote.

        Raises:
            KeyError, ValueError: the values are no such thing.
        """
        return cls(Boosted.from_json(values["model"]), float(values["held"]))


def held_areas(signals: Sequence[Mapping[str, float]]) -> NDArray[np.float64]:
    """`(N,)` signal `held_area`, 0 where a label lacks it."""
    return np.asarray([one.get(HELD, 0.0) for one in signals], np.float64)
