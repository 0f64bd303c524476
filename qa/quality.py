"""Overall quality: a monotone logistic of the signals that estimates P(IoU ≥ 0.95 and boundary F ≥ 0.85)."""

from __future__ import annotations

import math
from collections.abc import Mapping

from pydantic import Field

from stages.base import Config

REACH = 3.0
"""A signal counts up to this many spreads from its centre, so that no single freak signal decides alone."""


class Term(Config):
    """One signal's share in the logistic: `weight · clip((signal − centre) / spread, −3, 3)`.

    The sign of `weight` says whether more of the signal is better; the sum is monotone in every signal.
    """

    weight: float
    centre: float
    spread: float = Field(gt=0)


class Logistic(Config):
    """`1 / (1 + exp(−(intercept + Σ terms)))`. A signal that a frame lacks stands at its centre and adds nothing."""

    intercept: float
    terms: dict[str, Term]


def quality_of(signals: Mapping[str, float], logistic: Logistic) -> float:
    """Overall quality 0-1 of a label from its signals by name."""
    total = logistic.intercept
    for name, term in logistic.terms.items():
        if name in signals:
            offset = (signals[name] - term.centre) / term.spread
            total += term.weight * min(REACH, max(-REACH, offset))
    return 1 / (1 + math.exp(-total))
