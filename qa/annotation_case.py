"""An imported mask beside what the other teachers make of the same frame."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from qa.metrics import Mask
from qa.view import Outline, View
from stages.reliability import shot_of, weigh_by_design
from stages.strategies import weighted
from stages.teacher_signals import edge_fit, edge_strength

SURE = 0.3
"""Distance from one half from which the teachers' probability is sure of its side."""

Field = NDArray[np.float32]


@dataclass(frozen=True)
class Case:
    """An imported mask beside what speaks for another.

    Attributes:
        view: the frame. given: the imported mask. probability: `(H, W)` float32 0-1, the other teachers' mean weighted
            by how far each is to be trusted on this frame.
    """

    view: View
    given: Outline
    probability: Field

    @classmethod
    def of(cls, view: View) -> Case:
        """The case of a view.

        Raises:
            ValueError: the view has no annotation, or nobody voted.
        """
        if view.annotation is None or not view.votes:
            raise ValueError("an annotation is judged by votes: the view needs an annotation and one vote at least")
        return cls(view, Outline(view.annotation), reference(view))

    @cached_property
    def majority(self) -> Outline:
        """What the other teachers say."""
        return Outline(np.asarray(self.probability >= 0.5))

    @cached_property
    def edges(self) -> Field:
        """`(H, W)` float32 0-1: how strong the picture's edges are."""
        return edge_strength(self.view.image)

    @cached_property
    def unit(self) -> float:
        """Area in pixels that differences are measured by: the larger of the two masks."""
        return float(max(np.count_nonzero(self.given.mask), np.count_nonzero(self.majority.mask), 1))

    @cached_property
    def sure(self) -> Mask:
        """Where the teachers are sure, and not just beside their own contour."""
        return np.asarray((np.abs(self.probability - 0.5) >= SURE) & ~self.majority.near)


def reference(view: View) -> Field:
    """`(H, W)` float32 0-1: the votes of a view, weighted by design, imported masks left out."""
    votes = np.stack(list(view.votes.values())).astype(np.float32) / np.float32(255)
    shot = shot_of(view.boxes or (), view.scores)
    edges = edge_strength(view.image)
    return weighted(votes, weigh_by_design([edge_fit(vote, edges) for vote in votes], list(view.votes), shot))
