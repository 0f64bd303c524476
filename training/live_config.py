"""How the student runs on a live picture, and what `autoroto apply` adds: the section `apply` of params.yaml."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from stages.base import Config


class LiveConfig(Config):
    """How the student runs.

    Attributes:
        upsample: from the student's size to the frame's: `guided` by the frame's luma, or `linear`.
        guided_radius: of the guided filter's window, in pixels of the student. guided_epsilon: its regulariser.
        skip: keep the alpha where the picture on its edge has not changed.
        refresh: the student looks at one frame in so many at least.
        band: how far the edge's band reaches to either side, in pixels of the student.
        change: mean luma change (0-255) of a patch on the band from which the student looks again.
        settled: nothing is skipped before one look has changed no pixel of the last alpha (0-1) by more.
        cut_threshold: see `stages.cuts`; at a cut the prior is emptied.
        threads: of onnxruntime.
    """

    upsample: Literal["linear", "guided"] = "guided"
    guided_radius: int = Field(1, ge=1)
    guided_epsilon: float = Field(1e-4, gt=0)
    skip: bool = True
    refresh: int = Field(15, ge=1)
    band: int = Field(3, ge=1)
    change: float = Field(3.0, ge=0)
    settled: float = Field(0.1, ge=0, le=1)
    cut_threshold: float = Field(27.0, gt=0)
    threads: int = Field(1, ge=1)


class ApplyConfig(LiveConfig):
    """How `autoroto apply` runs the student.

    Attributes:
        budget_ms: milliseconds a frame that the student may take; of several, the best within it is used.
        benchmark_ms: how long they are timed for that.
    """

    budget_ms: float = Field(10.0, gt=0)
    benchmark_ms: float = Field(200.0, gt=0)
