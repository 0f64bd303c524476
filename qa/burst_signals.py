"""All signals of a burst: what the judge, the errors and the report look at."""

from __future__ import annotations

from collections.abc import Sequence

from qa.signals import frame_signals
from qa.temporal_signals import Tracks, temporal_signals
from qa.trail_signals import trail_signals
from qa.view import View


def burst_signals(views: Sequence[View], *, flow: bool = True, tracks: Tracks | None = None) -> list[dict[str, float]]:
    """Signals by name of each frame of a burst; without `flow`, only those that need no optical flow.

    `tracks` is the flow between the views, where it is known already.
    """
    temporal = temporal_signals(views, tracks) if flow else [{} for _ in views]
    return [
        frame_signals(view) | trail | moving
        for view, trail, moving in zip(views, trail_signals(views), temporal, strict=True)
    ]
