"""Which frames of a video are kept: clips between cuts, and bursts of consecutive frames inside clips."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Place:
    """Where a kept frame lies: clip in its source, burst in its clip. `first` is true for a burst's first frame."""

    clip: int
    burst: int
    first: bool


@dataclass(frozen=True)
class Sampling:
    """How bursts are drawn.

    Attributes:
        burst_frames: consecutive native frames a burst.
        burst_every_us: a burst begins at the first frame at or after each multiple of this, counted from its clip's
            first frame; 0 keeps every frame, in bursts that follow each other.
        max_clip_frames: native frames after which a new clip begins without a cut.
    """

    burst_frames: int
    burst_every_us: int
    max_clip_frames: int


class BurstSampler:
    """Decides for one frame after the other whether it is kept and where it belongs; remembers a few numbers only.

    A burst never crosses a clip's end: it stays shorter there. Bursts longer than their spacing follow each other.
    """

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._clip = -1
        self._clip_start_us = 0
        self._clip_frames = 0
        self._burst = -1
        self._burst_left = 0

    def place(self, time_us: int, *, starts_shot: bool) -> Place | None:
        """The place of the next frame in time order, or None when it is not kept."""
        if starts_shot or self._clip < 0 or self._clip_frames >= self._sampling.max_clip_frames:
            self._clip += 1
            self._clip_start_us, self._clip_frames = time_us, 0
            self._burst, self._burst_left = -1, 0
        self._clip_frames += 1
        first = self._burst_left == 0 and self._is_due(time_us - self._clip_start_us)
        if first:
            self._burst += 1
            self._burst_left = self._sampling.burst_frames
        if self._burst_left == 0:
            return None
        self._burst_left -= 1
        return Place(self._clip, self._burst, first)

    def _is_due(self, since_clip_start_us: int) -> bool:
        return since_clip_start_us >= (self._burst + 1) * self._sampling.burst_every_us
