"""The labelling interface, and how frames and decisions are written in it: tasks out, annotations in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from datasets.reviews import VERDICTS
from pipeline.review.regions import NOT_PERSON, AnnotationError, brush_region

MODEL = "autoroto"
"""Model version of all pre-annotations. One for all: Label Studio shows those of the project's version alone."""

_INTERFACE = """\
<View>
  <Style>
    .reason {{ padding: .6em .8em; background: rgba(128, 128, 128, .12); border-radius: 4px; }}
    .verdict {{ position: sticky; bottom: 0; }}
  </Style>
  <View className="reason">
    <Header value="$reason" size="5"/>
    <Text name="where" value="$name"/>
  </View>
  <View className="verdict">
    <Choices name="verdict" toName="image" choice="single" showInline="true" required="true"
             requiredMessage="Say accept, fix or reject before you submit.">
      <Choice value="accept" hotkey="a" hint="The mask is right as it is shown."/>
      <Choice value="fix" hotkey="f" hint="The mask is right now that you have painted."/>
      <Choice value="reject" hotkey="r" hint="Leave this frame out of the data set."/>
    </Choices>
  </View>
  <BrushLabels name="mask" toName="image" opacity="0.45"{smart}>
    <Label value="person" background="#2f6fff" hotkey="1" selected="true"/>{second}
  </BrushLabels>
  <Image name="image" value="$image" zoom="true" zoomControl="true" brightnessControl="true" contrastControl="true"
         crosshair="false"/>
  <Header value="The frame before and the frame after" size="5"/>
  <Image name="context" value="$context"/>
</View>
"""

ERRORS = {
    "missed_region": "a part of the person may be missing",
    "over_segmentation": "background may be in the mask",
    "wrong_object": "the mask may lie on something else than the person",
    "jagged_edge": "the outline may not follow the picture's edges",
    "lag": "the mask may be that of a neighbouring frame",
    "flicker": "the mask may change where the picture does not",
}
"""Error types (`datasets.schema.ERROR_TYPES`) as a reviewer reads them."""


_SECOND = f'\n    <Label value="{NOT_PERSON}" background="#ff8c1a" hotkey="2"/>'


@dataclass(frozen=True)
class Annotation:
    """What a person submitted.

    Attributes:
        id, task: Label Studio's. reviewer: e-mail address. updated_at: with its time zone. seconds: spent on it.
        skipped: they passed the task over. result: Label Studio's regions and choices.
    """

    id: int
    task: int
    reviewer: str
    updated_at: datetime
    seconds: float
    skipped: bool
    result: Sequence[Mapping[str, Any]]


def labelling_interface(*, assisted: bool) -> str:
    """XML of the labelling interface; `assisted`: the brush may ask the assistant, and can take away."""
    return _INTERFACE.format(smart=' smart="true"' if assisted else "", second=_SECOND if assisted else "")


def prediction(brush: bytes, width: int, height: int, score: float) -> dict[str, Any]:
    """The pre-annotation of a task: its mask as brush RLE (none: nobody is in it), and how sure the label is (0-1).

    Label Studio takes brush predictions of any size, and shows nothing where the size is not the picture's.
    """
    return {"model_version": MODEL, "score": score, "result": [brush_region(brush, width, height)] if brush else []}


def verdict_region(verdict: str) -> dict[str, Any]:
    """The verdict as Label Studio writes it."""
    return {"from_name": "verdict", "to_name": "image", "type": "choices", "value": {"choices": [verdict]}}


def annotations_of(task: Mapping[str, Any]) -> list[Annotation]:
    """The annotations of an exported task, the oldest first."""
    found = [
        Annotation(
            id=int(values["id"]),
            task=int(task["id"]),
            reviewer=_reviewer(values.get("completed_by")),
            updated_at=datetime.fromisoformat(values["updated_at"]),
            seconds=float(values.get("lead_time") or 0.0),
            skipped=bool(values.get("was_cancelled")),
            result=values.get("result") or [],
        )
        for values in task.get("annotations") or []
    ]
    return sorted(found, key=lambda one: (one.updated_at, one.id))


def verdict_of(result: Sequence[Mapping[str, Any]]) -> str:
    """`accept`, `fix`, `reject`, or "" where none was chosen.

    Raises:
        AnnotationError: another word: the labelling interface has been changed.
    """
    chosen = [
        choice
        for region in result
        if region.get("from_name") == "verdict"
        for choice in (region.get("value") or {}).get("choices", [])
    ]
    if chosen and (len(chosen) > 1 or chosen[0] not in VERDICTS):
        raise AnnotationError(f"the verdict is {', '.join(map(str, chosen))!r}: choose one of {', '.join(VERDICTS)}")
    return str(chosen[0]) if chosen else ""


def _reviewer(completed_by: Any) -> str:
    if isinstance(completed_by, Mapping):
        return str(completed_by.get("email") or completed_by.get("id"))
    return "unknown" if completed_by is None else f"user {completed_by}"
