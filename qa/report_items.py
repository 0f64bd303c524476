"""What the page shows of one clip (its strips over time) and of one label (the texts of its dialog)."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from datasets.schema import ERROR_TYPES
from qa.charts import Slot, strip
from qa.report_data import ClipSummary, FrameInfo
from qa.report_gallery import Tile
from qa.report_words import words

ERROR_HELP: Mapping[str, str] = {
    "missed_region": "a part of the person is not in the label",
    "over_segmentation": "background is in the label",
    "wrong_object": "the label is on something else than the person",
    "jagged_edge": "the outline does not follow the picture's edges",
    "lag": "the label is that of a neighbouring frame",
    "flicker": "the label changes where the picture does not",
}
FULL_FLICKER = 0.05
"""Flicker that fills the height of its strip."""

assert set(ERROR_HELP) == set(ERROR_TYPES)


def clip_strip(clip: ClipSummary) -> Markup:
    """Quality over the frames of a clip."""
    name = f"Quality of {clip.path} clip {clip.clip} over time: mean {clip.mean:.2f}, {clip.flagged} frames flagged"
    return strip(_slots(clip, [frame.quality for frame in clip.frames]), name=name)


def flicker_strip(clip: ClipSummary) -> Markup:
    """Flicker over the frames of a clip; empty markup where nothing was tracked from frame to frame."""
    values = [flicker_of(frame) for frame in clip.frames]
    if not any(map(math.isfinite, values)):
        return Markup("")
    finite = [value for value in values if math.isfinite(value)]
    name = f"Flicker of {clip.path} clip {clip.clip} over time: mean {math.fsum(finite) / len(finite):.3f}"
    heights = [value / FULL_FLICKER if math.isfinite(value) else 0.0 for value in values]
    return strip(_slots(clip, heights), name=name, height=28)


def flicker_of(frame: FrameInfo) -> float:
    """1 − IoU of the label with its neighbours' labels moved along the flow; not-a-number without a neighbour."""
    return 1 - dict(frame.signals).get("flow_iou", math.nan)


def _slots(clip: ClipSummary, values: Sequence[float]) -> list[Slot]:
    bursts = [frame.burst for frame in clip.frames]
    return [
        Slot(value, flagged=frame.flagged, starts_burst=index == 0 or bursts[index - 1] != frame.burst)
        for index, (frame, value) in enumerate(zip(clip.frames, values, strict=True))
    ]


def tile_data(tile: Tile) -> dict[str, Any]:
    """What the dialog shows of a label besides its picture."""
    frame = tile.frame
    facts = [
        ("Source", frame.path),
        ("Time", f"{frame.seconds:.2f} s, clip {frame.clip}, burst {frame.burst}"),
        ("Group", words(frame.group)),
        ("Quality", f"{frame.quality:.3f}"),
        ("Likely error", f"{words(frame.error)}: {ERROR_HELP.get(frame.error, '')}" if frame.error else "none named"),
        ("Label from", frame.label_source or "fused"),
        ("Split", frame.split or "none"),
        ("Scenarios", ", ".join(map(words, frame.scenarios)) or "none"),
    ]
    return {
        "facts": facts,
        "signals": [(words(name), f"{value:.3g}") for name, value in frame.signals],
        "views": [(view.name, view.uri) for view in tile.views],
    }
