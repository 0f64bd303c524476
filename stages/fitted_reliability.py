"""Whom to trust, as it was fitted: a JSON file that says on what."""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import Field, ValidationError

from stages.base import Config
from stages.reliability import Expertise

FITTED = Path(__file__).parent / "fitted"
"""Fitted parameters that come with the code."""


class FittedError(ValueError):
    """A fitted file cannot be read. The message names it and the cure."""


class FittedReliability(Config):
    """What `stages.reliability.weigh` needs, and where it comes from.

    Attributes:
        expertise: by teacher. slopes: by name of a signal.
        fitted_on: the collections of known truth, for people. frames, sources: how many of them.
        command: fits it again.
    """

    expertise: dict[str, Expertise]
    slopes: dict[str, float]
    fitted_on: str
    frames: int = Field(ge=0)
    sources: int = Field(ge=0)
    command: str


def read_reliability(path: Path) -> FittedReliability:
    """What a fitted JSON file holds.

    Raises:
        FittedError: no such file, or another kind of file.
    """
    if not path.is_file():
        raise FittedError(f"{path}: no such file; `autoroto calibrate --truth DIR` fits one, or set fuse.fitted to ''")
    try:
        return FittedReliability.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise FittedError(
            f"{path}: no fitted reliability ({where}: {first['msg']}); `autoroto calibrate --truth DIR` writes it"
        ) from error


def reliability_bytes(fitted: FittedReliability) -> bytes:
    """The JSON file; the same bytes for the same numbers."""
    return (json.dumps(fitted.model_dump(mode="json"), indent=1, sort_keys=True) + "\n").encode()
