"""What the report says of reviews: which labels to look at first."""

from __future__ import annotations

from collections.abc import Sequence

from qa.report_data import FrameInfo
from qa.review import GAIN

ROWS = 20
"""Labels that are named."""


def review_rows(frames: Sequence[FrameInfo]) -> list[tuple[FrameInfo, float]]:
    """The flagged labels with the most to gain, and their gain (see `qa.review`), the greatest first.

    What people or a keyed screen vouch for (gold) needs no review, nor do keyed test frames.
    """
    gains = [
        (frame, dict(frame.signals).get(GAIN, 0.0))
        for frame in frames
        if frame.flagged and frame.group != "gold" and frame.role != "keyed"
    ]
    return sorted(gains, key=lambda row: (-row[1], row[0].key))[:ROWS]
