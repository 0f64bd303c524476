"""The assistant of a review: Label Studio's scribbles in, the regions that they mean out (label-studio-ml's protocol).

`review serve --assist` starts it (`pipeline.assist_server`). A reviewer's smart brush sends its strokes here;
`stages.scribbles` finds what they mean on the mask that the reviewer has, and the answer holds what is to be added
(`person`) or taken away (`not person`), never the whole mask: so it stays right whatever has been painted meanwhile.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import numpy as np

from datasets.images import Image, decode_rgb
from pipeline.params import Params
from pipeline.review.regions import (
    NOT_PERSON,
    PERSON,
    AnnotationError,
    brush_of,
    brush_region,
    brush_regions,
    labels_of,
    painted_mask,
    region_mask,
)
from stages.scribbles import SOLVED_SIDE, Grow, Mask, fix, graph_cut
from stages.teachers.sam import SamConfig

NAME = "autoroto-assist"
ANSWER = "assist-"
"""The ids of answers begin so: Label Studio keeps them, and sends accepted answers along with the next stroke."""
SAM_SIDE = 1024
"""SAM sees the crop at its own size."""


class AssistError(ValueError):
    """A request cannot be answered. The message says why."""


class Way(NamedTuple):
    """How regions are found, at which side of a crop at most, and its name."""

    grow: Grow
    side: int
    name: str


def way_of(params: Params, root: Path) -> Way:
    """The first enabled SAM of the params; graph cut without one.

    Raises:
        FileNotFoundError, ValueError: SAM is enabled and its checkpoint is missing or another one.
    """
    for name, teacher in params.vote.teachers.items():
        if teacher.enabled and isinstance(teacher, SamConfig):
            return Way(teacher.open(root).grow, SAM_SIDE, name)
    return Way(graph_cut, SOLVED_SIDE, "graph cut")


class Assistant:
    """Answers requests for predictions.

    Args:
        served: the folder that Label Studio serves local files from. way: how regions are found, see `way_of`.
    """

    def __init__(self, served: Path, way: Way | None = None) -> None:
        self._served, self._way = served.resolve(), way or Way(graph_cut, SOLVED_SIDE, "graph cut")
        self._lock = Lock()  # neither SAM nor OpenCV's random numbers are meant for several threads

    def predict(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to `/predict`: a result for each task; empty where nobody has scribbled.

        Raises:
            AssistError: the request is none, its strokes cannot be read, or the picture is not there.
        """
        tasks = request.get("tasks")
        params = request.get("params")
        context = params.get("context") if isinstance(params, Mapping) else None
        if not isinstance(tasks, Sequence) or not all(isinstance(task, Mapping) for task in tasks):
            raise AssistError("a request for predictions holds a list of tasks")
        context = context if isinstance(context, Mapping) else {}
        try:
            return {"results": [self._answer(task, context) for task in tasks], "model_version": NAME}
        except AnnotationError as error:  # of a stroke, or of what was painted before
            raise AssistError(str(error)) from error

    def _answer(self, task: Mapping[str, Any], context: Mapping[str, Any]) -> dict[str, Any]:
        stroke = _stroke(context)
        if stroke is None:
            return {"model_version": NAME, "score": 0.0, "result": []}
        image = self._picture(task)
        size = image.shape[1], image.shape[0]
        drawn = region_mask(stroke, *size)
        if not drawn.any():
            return {"model_version": NAME, "score": 0.0, "result": []}
        none = np.zeros_like(drawn)
        # Label Studio may have saved the stroke in the draft by now
        painted = painted_mask([one for one in _mask_so_far(task, context) if not _same(one, stroke)], *size)
        before = none if painted is None else painted
        takes_away = NOT_PERSON in labels_of(stroke)
        add, remove = (none, drawn) if takes_away else (drawn, none)
        with self._lock:
            after = fix(image, before, add, remove, grow=self._way.grow, side=self._way.side)
        found = (before & ~after if takes_away else after & ~before) | drawn
        return {"model_version": NAME, "score": 1.0, "result": [_region(stroke, found)]}

    def _picture(self, task: Mapping[str, Any]) -> Image:
        """The task's picture, from the folder that is served and nowhere else."""
        address = str((task.get("data") or {}).get("image", ""))
        name = parse_qs(urlsplit(address).query).get("d", [""])[0]
        path = (self._served / name).resolve()
        if not name or not path.is_relative_to(self._served) or not path.is_file():
            raise AssistError(f"task {task.get('id')}: its picture {address!r} is no file below {self._served}")
        return decode_rgb(path.read_bytes())


def _mask_so_far(task: Mapping[str, Any], context: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Brush regions of what the reviewer works on: the draft, else the annotation, else the pre-annotation.

    Label Studio sends a reviewer's own drafts, and does not always say which one is open: then it is the last.
    """
    drafts, annotations, predictions = (
        [one for one in task.get(kind) or [] if isinstance(one, Mapping)]
        for kind in ("drafts", "annotations", "predictions")
    )
    open_drafts = [one for one in drafts if one.get("id") == context.get("draft_id")] or drafts[-1:]
    if open_drafts:
        return _brush_regions(open_drafts[0].get("result"))
    for one in annotations:
        if one.get("id") == context.get("annotation_id"):
            return _brush_regions(one.get("result"))
    painted_ones = [regions for one in predictions if (regions := _brush_regions(one.get("result")))]
    return painted_ones[-1] if painted_ones else []  # Label Studio may keep our empty answers among them


def _brush_regions(result: Any) -> list[Mapping[str, Any]]:
    """The brush regions of what should be a result."""
    regions = result if isinstance(result, Sequence) and not isinstance(result, str) else []
    return brush_regions([region for region in regions if isinstance(region, Mapping)])


def _stroke(context: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What the reviewer has just drawn: of all regions with its label, which are what Label Studio sends, the last.

    None where that is no stroke: when an accepted stroke goes, Label Studio asks once more with what is left.
    """
    regions = _brush_regions(context.get("result"))
    last = regions[-1] if regions else {}
    answered = str(last.get("id", "")).startswith(ANSWER) or last.get("origin", "manual") != "manual"
    return None if not regions or answered else last


def _same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return one.get("id") is not None and one.get("id") == other.get("id")


def _region(stroke: Mapping[str, Any], mask: Mask) -> dict[str, Any]:
    """A region of Label Studio with the mask painted, of the stroke's label and for its control."""
    label = NOT_PERSON if NOT_PERSON in labels_of(stroke) else PERSON
    region = brush_region(brush_of(mask), mask.shape[1], mask.shape[0], label)
    control = {name: stroke[name] for name in ("from_name", "to_name") if name in stroke}
    return region | control | {"id": f"{ANSWER}{secrets.token_hex(5)}"}
