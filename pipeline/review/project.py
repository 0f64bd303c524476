"""The project in Label Studio: found by its title and mark, made where it is missing, kept as this version wants it."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.review.access import Access
from pipeline.review.backend import Backend, connect
from pipeline.review.client import Studio, StudioError
from pipeline.review.interface import MODEL, labelling_interface
from pipeline.review.regions import NOT_PERSON
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
    ours = _ours(found)
    if ours:
        return ours[0]
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


def ensure_project(studio: Studio, title: str, access: Access, backend: Backend | None = None) -> Project:
    """Our project of this title with interface, storage and the tab `worst first`; made or mended as needed.

    In one's own Label Studio it is connected to the assistant that runs beside it (`backend`), or to none.
    """
    project = find_project(studio, title)
    if project is None:
        mark = secrets.token_hex(6)
        about = f"Doubtful labels. Pushed and pulled by `autoroto review`; keep this line: autoroto-review {mark}"
        values = studio.create_project(title=title, description=about, **_settings(assisted=backend is not None))
        project = Project(int(values["id"]), mark)
    else:
        _update(studio, project, assisted=backend is not None)
    if access.own:
        connect(studio, project.id, backend)
    _ensure_storage(studio, project, access)
    if all(view["data"].get("title") != WORST_FIRST for view in studio.views(project.id)):
        studio.create_view(project.id, {"title": WORST_FIRST, "ordering": ["-tasks:data.gain"]})
    return project


def reconnect(studio: Studio, backend: Backend | None) -> int:
    """Connect every project of ours to this assistant, or to none; how many projects there are.

    Raises:
        StudioError: Label Studio does not reach it.
    """
    ours = _ours(studio.projects())
    for project in ours:
        if backend is not None:
            _update(studio, project, assisted=True)
        connect(studio, project.id, backend)
    return len(ours)


def _ours(projects: Iterable[Mapping[str, Any]]) -> list[Project]:
    marks = [(values["id"], _MARK.search(values.get("description") or "")) for values in projects]
    return [Project(int(number), mark[1]) for number, mark in marks if mark]


def _settings(*, assisted: bool) -> dict[str, Any]:
    return {
        "label_config": labelling_interface(assisted=assisted),
        "model_version": MODEL,
        "show_collab_predictions": True,
        "sampling": "Sequential sampling",
        "expert_instruction": "Accept the mask, or paint until it is right and choose fix, or reject the frame. "
        "A painted mask counts from where it is half covered. See docs/review.md.",
    }


def _update(studio: Studio, project: Project, *, assisted: bool) -> None:
    known = studio.project(project.id)
    # once assisted, always: Label Studio refuses to drop a label that annotations use
    assisted = assisted or NOT_PERSON in (known.get("label_config") or "")
    wanted = _settings(assisted=assisted)
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
