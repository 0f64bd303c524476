"""Do reviewers agree? Frames that several of them decided on, and where they differ."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from datasets.images import decode_grey
from datasets.reviews import Decision
from qa.metrics import iou

SAME = 0.95
"""IoU from which two reviewers drew the same mask: people agree to about .98."""


@dataclass(frozen=True)
class Pair:
    """What two people said of one frame.

    Attributes:
        first, second: their last words, the earlier one first.
        iou: of their masks; None where one of them has none.
    """

    first: Decision
    second: Decision
    iou: float | None

    @property
    def agree(self) -> bool:
        """Whether they kept or rejected the frame alike, and drew the same mask."""
        if (self.first.verdict == "reject") != (self.second.verdict == "reject"):
            return False
        return self.iou is None or self.iou >= SAME


def pairs(decisions: Iterable[Decision]) -> list[Pair]:
    """All pairs of reviewers who decided on one frame, by frame key; of each reviewer the last word counts."""
    words: dict[tuple[str, int], dict[str, Decision]] = defaultdict(dict)
    for decision in sorted(decisions, key=lambda one: one.decided_at):
        words[decision.key][decision.reviewer] = decision
    return [
        Pair(first, second, _iou(first, second))
        for key in sorted(words)
        for first, second in itertools.combinations(sorted(words[key].values(), key=lambda one: one.decided_at), 2)
    ]


def _iou(first: Decision, second: Decision) -> float | None:
    if not first.mask or not second.mask:
        return None
    return iou(decode_grey(first.mask), decode_grey(second.mask))
