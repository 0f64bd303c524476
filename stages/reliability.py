"""How far each teacher is to be trusted on a frame, judged without truth: by the kind of shot and by its vote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from stages.base import Config
from stages.paste import Window
from stages.strategies import Weights
from stages.teacher_signals import SIGNALS, Signals

_MAIN = 0.5
"""The main person is the largest box whose score is at least this fraction of the best score."""


class Expertise(Config):
    """How good a teacher is at each kind of shot, on any common scale: only ratios between teachers count.

    Attributes:
        portrait: the frame's lower side cuts the person (talking heads).
        figure: the whole person, filling a good part of the frame (street photos).
        distant: the person is small (action).
    """

    portrait: float = Field(default=0.5, ge=0)
    figure: float = Field(default=0.5, ge=0)
    distant: float = Field(default=0.5, ge=0)


BY_DESIGN = {
    "selfie": Expertise(portrait=1.0),
    "selfie_landscape": Expertise(portrait=1.0),
    "selfie_crop": Expertise(portrait=1.0),
    "u2net": Expertise(figure=1.0),
    "isnet": Expertise(figure=0.9, distant=0.8),
    "annotation": Expertise(portrait=1.0, figure=1.0, distant=1.0),
}
"""What is known without fitting: models made for talking heads are best there, annotations everywhere. It counts for
teachers that the fitted table lacks, and is where a fit starts."""


DRAWN = ("annotation",)
"""Teachers whose votes are drawn, and so never unsure."""
SLOPES = {"edge_fit": 4.0}
"""What counts on portraits, where a fit of the slopes starts, and what counts without one."""


@dataclass(frozen=True)
class Shot:
    """Memberships 0-1 of a frame in three kinds of shot; they sum to 1."""

    portrait: float
    figure: float
    distant: float


def shot_of(boxes: Sequence[Window], scores: Sequence[float]) -> Shot:
    """The kind of shot, from the main person's box; a third of each when nobody was found.

    A portrait's box reaches the lower side and is wide; else a box covering 15 % of the frame is distant and one of
    30 % is a figure, with straight ramps between, so that no weight jumps from frame to frame.
    """
    if not boxes:
        return Shot(1 / 3, 1 / 3, 1 / 3)
    candidates = [box for box, score in zip(boxes, scores, strict=True) if score >= _MAIN * max(scores)]
    x0, y0, x1, y1 = max(candidates, key=lambda box: (box[2] - box[0]) * (box[3] - box[1]))
    portrait = _ramp(y1, 0.90, 0.97) * _ramp(x1 - x0, 0.4, 0.6)
    distant = (1 - portrait) * _ramp((x1 - x0) * (y1 - y0), 0.30, 0.15)
    return Shot(portrait, 1 - portrait - distant, distant)


def weigh(
    signals: Signals,
    teachers: Sequence[str],
    shot: Shot,
    expertise: Mapping[str, Expertise],
    slopes: Mapping[str, float],
) -> Weights:
    """Weight of each teacher on this frame, `(T,)` float32 with sum 1: expertise for the shot × exp(Σ slope · signal).

    `slopes` hold where a body is shown; on portraits `SLOPES` do, with straight ramps between. Agreement and sureness
    tell who is right about a whole body; on a portrait they favour the many who do not know portraits. That a `DRAWN`
    vote is sure of itself says nothing: it counts as sure as the others are on average.

    Args:
        signals: `(T, S)` from `teacher_signals`. teachers: their T names.
        expertise: by teacher; a teacher it lacks gets `Expertise()`.
        slopes: by name of a signal; one it lacks does not count.
    """
    body, portrait = (np.array([given.get(name, 0.0) for name in SIGNALS]) for given in (slopes, SLOPES))
    gain = _comparable(signals, teachers) @ (shot.portrait * portrait + (1 - shot.portrait) * body)
    gain = np.exp(gain - gain.max())
    known = [expertise.get(teacher, Expertise()) for teacher in teachers]
    skill = np.array([shot.portrait * k.portrait + shot.figure * k.figure + shot.distant * k.distant for k in known])
    weights = skill * gain if skill.max() > 0 else np.ones(len(known))
    return np.asarray(weights / weights.sum(), np.float32)


def weigh_by_design(
    edge_fits: Sequence[float], teachers: Sequence[str], shot: Shot, expertise: Mapping[str, Expertise] = BY_DESIGN
) -> Weights:
    """As `weigh`, by what is known without fitting: whoever judges labels by it has seen no truth.

    Args:
        edge_fits: `stages.teacher_signals.edge_fit` of each of the T teachers' votes.
    """
    signals = np.zeros((len(edge_fits), len(SIGNALS)), np.float32)
    signals[:, SIGNALS.index("edge_fit")] = edge_fits
    return weigh(signals, teachers, shot, expertise, SLOPES)


def _comparable(signals: Signals, teachers: Sequence[str]) -> NDArray[np.float64]:
    """The signals, with the mean `sureness` of the other teachers' votes in place of that of drawn ones."""
    drawn = np.array([teacher in DRAWN for teacher in teachers])
    found = signals.astype(np.float64)
    if drawn.any() and not drawn.all():
        sure = SIGNALS.index("sureness")
        found[drawn, sure] = found[~drawn, sure].mean()
    return found


def _ramp(value: float, zero: float, one: float) -> float:
    """0 at `zero`, 1 at `one` (either order), linear between."""
    return float(np.clip((value - zero) / (one - zero), 0, 1))
