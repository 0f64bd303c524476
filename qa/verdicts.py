"""What an annotation says about a label: the verdict and the mask that follow from what was chosen and painted."""

from __future__ import annotations

from dataclasses import dataclass

from datasets.images import Grey
from qa.review_masks import THRESHOLD, Mask, decided_alpha, sized


class UnclearVerdict(ValueError):
    """What was chosen and what was painted contradict each other. The message says what the reviewer has to do."""


@dataclass(frozen=True)
class Verdict:
    """`accept`, `fix` or `reject`, and the mask at the source's size, `(H, W)` uint8 (None of a reject)."""

    verdict: str
    alpha: Grey | None


def settle(chosen: str, painted: Mask | None, alpha: Grey, source_size: tuple[int, int]) -> Verdict:
    """The verdict of one annotation.

    Whether a mask was fixed is seen by comparing masks: what tools write down of the origin of a region is not
    reliable. So a changed mask is a fix though `accept` was chosen, and an unchanged one is an accept of the label.

    Args:
        chosen: `accept`, `fix`, `reject`, or "" where nothing was chosen.
        painted: the mask that came back, at the size it was shown; None without any brush region.
        alpha: the label that was shown, brought to that size.
        source_size: width and height of the source.

    Raises:
        UnclearVerdict: a fix of nothing, a mask that was deleted, or neither verdict nor change.
    """
    if chosen == "reject":
        return Verdict("reject", None)
    shown = alpha > THRESHOLD
    if painted is None:
        if shown.any():
            raise UnclearVerdict(
                "there is no mask: paint the person, or reject the frame (where nobody is to be seen, erase the mask "
                "with the eraser instead of deleting it)"
            )
        painted = shown
    changed = bool((painted != shown).any())
    if not changed and not chosen:
        raise UnclearVerdict("nothing was painted and no verdict chosen: choose accept, fix or reject")
    if not changed and chosen == "fix":
        raise UnclearVerdict("it says fix, but the mask is as it was: paint, or choose accept or reject")
    decided = decided_alpha(painted, alpha) if changed else alpha
    return Verdict("fix" if changed else "accept", sized(decided, *source_size))
