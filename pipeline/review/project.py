"""The project in Label Studio: found by its title and mark, made where it is missing, kept as this version wants it."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.review.access import Access
from pipeline.review.client import Studio, StudioError
from pipeline.review.interface import INTERFACE, MODEL
from pipeline.review.tasks import SERVED

TITLE = "autoroto"
WORST_FIRST = "worst first"
_MARK = re.compile(r"autoroto-review ([0-9a-f]{12})")


@dataclass(frozen=True)
class Project:
    """A project of ours.

    Attributes:
        id: Label Studio's. mark: twelve hex digits that no other project of any Label Studio has.
    """

    id: int
    mark: str


def find_project(studio: Studio, title: str) -> Project | None:
    """Our project of this title (of several the oldest), or None.

    Raises:
        StudioError: there is one of this title, but not ours.
    """
    found = studio.projects(title)
    for values in found:
        mark = _MARK.search(values.get("description") or "")
        if mark:
            return Project(int(values["id"]), mark[1])
    if found:
        raise StudioError(
            f"{studio.url} has a project {title!r} that `autoroto review push` did not make: choose another title "
            "with --project"
        )
    return None


def the_project(studio: Studio, title: str) -> Project:
    """As `find_project`, where there must be one."""
    found = find_project(studio, title)
    if found is None:
        raise StudioError(
            f"{studio.url} has no project {title!r} (any more): `autoroto review push` makes it. What was pulled from "
            "it is kept in data/reviews"
        )
    return found


def ensure_project(studio: Studio, title: str, access: Access) -> Project:
    """Our project of this title with interface, storage and the tab `worst first`; made or mended as needed."""
    project = find_project(studio, title)
    wanted: dict[str, Any] = {
        "label_config": INTERFACE,
        "model_version": MODEL,
        "show_collab_predictions": True,
        "sampling": "Sequential sampling",
        "expert_instruction": "Accept the mask, or paint until it is right and choose fix, or reject the frame. "
        "A painted mask counts from where it is half covered. See docs/review.md.",
    }
    if project is None:
        mark = secrets.token_hex(6)
        about = f"Doubtful labels. Pushed and pulled by `autoroto review`; keep this line: autoroto-review {mark}"
        values = studio.create_project(title=title, description=about, **wanted)
        project = Project(int(values["id"]), mark)
    else:
        _update(studio, project, wanted)
    _ensure_storage(studio, project, access)
    if all(view["data"].get("title") != WORST_FIRST for view in studio.views(project.id)):
        studio.create_view(project.id, {"title": WORST_FIRST, "ordering": ["-tasks:data.gain"]})
    return project


def _update(studio: Studio, project: Project, wanted: dict[str, Any]) -> None:
    known = studio.project(project.id)
    changed = {name: value for name, value in wanted.items() if known.get(name) != value}
    if changed:
        studio.update_project(project.id, **changed)


def _ensure_storage(studio: Studio, project: Project, access: Access) -> None:
    Path(access.served, SERVED).mkdir(parents=True, exist_ok=True)
    there = f"{access.served_there.rstrip('/')}/{SERVED}"
    if any(storage["path"].rstrip("/") == there for storage in studio.storages(project.id)):
        return
    try:
        studio.create_storage(project.id, there, "frames of autoroto")
    except StudioError as error:
        raise StudioError(
            f"Label Studio cannot serve {there}: it must lie in its LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT, with "
            f"LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true ({error})"
        ) from error
