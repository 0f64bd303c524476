"""A reviewer who does through the API what a person does in the browser."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np

from datasets.images import Grey
from pipeline.review.access import Access
from pipeline.review.client import Json, Studio
from pipeline.review.interface import verdict_region
from pipeline.review.project import the_project
from pipeline.review.regions import brush_of, brush_region, painted_mask
from pipeline.review.tasks import key_of
from qa.review_masks import Mask


class Reviewer:
    """Opens tasks, paints, submits."""

    def __init__(self, access: Access, studio: Studio, title: str) -> None:
        self._studio, self._title = studio, title
        headers = {"Authorization": f"Token {access.token}"}
        self.http = httpx.Client(base_url=access.url, headers=headers, timeout=120)

    def __enter__(self) -> Reviewer:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    @property
    def project(self) -> int:
        return the_project(self._studio, self._title).id

    def tasks(self) -> list[Json]:
        """In the order in which Label Studio deals them."""
        return sorted(self._studio.tasks(self.project), key=lambda task: int(task["id"]))

    def by_key(self) -> dict[tuple[str, int], Json]:
        return {key: task for task in self.tasks() if (key := key_of(task["data"]))}

    def shown(self, task: Json) -> Mask:
        """The pre-annotation, as the brush shows it."""
        (prediction,) = self._studio.predictions(task["id"])
        width, height = task["data"]["width"], task["data"]["height"]
        mask = painted_mask(prediction["result"], width, height)
        return np.zeros((height, width), np.bool_) if mask is None else mask

    def submit(self, task: Json, verdict: str = "", mask: Mask | None = None, **values: Any) -> int:
        """Submit a verdict with a mask; returns the annotation's id."""
        result = [verdict_region(verdict)] if verdict else []
        if mask is not None:
            height, width = mask.shape
            # an erased mask is still a region
            brush = brush_of(mask) or _all_empty(mask)
            result.append(brush_region(brush, width, height))
        return self.send(task, result, **values)

    def send(self, task: Json, result: list[Json], **values: Any) -> int:
        body = {"result": result, "lead_time": 12.5, **values}
        return int(self._ok(self.http.post(f"/api/tasks/{task['id']}/annotations/", json=body))["id"])

    def change(self, annotation: int, result: list[Json]) -> None:
        self._ok(self.http.patch(f"/api/annotations/{annotation}/", json={"result": result, "lead_time": 20}))

    def draft(self, task: Json, result: list[Json]) -> None:
        self._ok(self.http.post(f"/api/tasks/{task['id']}/drafts", json={"result": result, "lead_time": 1}))

    def invite(self, email: str) -> int:
        """Another person; returns the user's id, for `completed_by`."""
        values = {"email": email, "username": email.partition("@")[0], "password": "correct horse battery"}
        return int(self._ok(self.http.post("/api/users/", json=values))["id"])

    def _ok(self, answer: httpx.Response) -> Json:
        assert answer.is_success, f"{answer.status_code}: {answer.text[:500]}"
        return dict(answer.json()) if answer.content else {}


def _all_empty(mask: Mask) -> bytes:
    from datasets.brush_rle import encode_mask

    return encode_mask(np.zeros(mask.shape, np.uint8))


def painted(mask: Mask, box: tuple[int, int, int, int], value: bool = True) -> Mask:
    """The mask with a box `(left, top, right, bottom)` painted, or erased."""
    left, top, right, bottom = box
    after = mask.copy()
    after[top:bottom, left:right] = value
    return after


def binary(alpha: Grey) -> Mask:
    return np.asarray(alpha > 127)
