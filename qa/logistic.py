"""Small logistics: signals by name to a probability, or to a share such as 1 − IoU; and the files they are kept in."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import Field, ValidationError

from stages.base import Config

REACH = 3.0
"""A signal counts up to this many spreads from its centre, so that no single freak signal decides alone."""


class Term(Config):
    """One signal's share in the logistic: `weight · clip((signal − centre) / spread, −3, 3)`."""

    weight: float
    centre: float
    spread: float = Field(gt=0)


class Logistic(Config):
    """`1 / (1 + exp(−(intercept + Σ terms)))`, monotone in every signal."""

    intercept: float
    terms: dict[str, Term]

    def value(self, signals: Mapping[str, float]) -> float:
        """Its value, 0-1. A signal that is missing stands at its centre and adds nothing."""
        total = self.intercept
        for name, term in self.terms.items():
            if name in signals:
                offset = (signals[name] - term.centre) / term.spread
                total += term.weight * min(REACH, max(-REACH, offset))
        return 1 / (1 + math.exp(-total))


class FittedError(ValueError):
    """A file of fitted parameters cannot be used. The message names the file and the cure."""


class Fitted(Config):
    """A fitted logistic as its file has it: with the sets and sources of the fit, and the command that refits it."""

    logistic: Logistic
    fitted_on: str
    refit: str

    @classmethod
    def read(cls, path: Path) -> Self:
        """The parameters in a file that holds `as_bytes`.

        Raises:
            FittedError: the file is missing, or holds something else.
        """
        try:
            return cls.model_validate_json(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, ValidationError) as error:
            cure = "restore it from version control, refit it, or name another file under `score` in params.yaml"
            raise FittedError(f"{path}: no {cls.__name__} ({error}); {cure}") from error

    def as_bytes(self) -> bytes:
        """The file, as JSON; the same parameters give the same bytes."""
        return (self.model_dump_json(indent=1) + "\n").encode()
