"""The assistant beside Label Studio: where it answers, and which projects know it as a machine learning backend."""

from __future__ import annotations

import contextlib
import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx

from pipeline.assist import NAME, Assistant
from pipeline.assist_server import USER, assist_server
from pipeline.review.access import FOLDER, ReviewSetupError, write_secrets
from pipeline.review.client import Studio, StudioError

KEPT = "assist.json"
"""Beside `access.json`, as long as the assistant runs: its address and password. Only its owner can read it."""
CONNECTED = "CO"
"""Label Studio's word for a backend that answers and takes the password."""


@dataclass(frozen=True)
class Backend:
    """A running assistant: its address on this machine, and the password it asks for."""

    url: str
    password: str = field(repr=False)


@contextmanager
def assisting(root: Path, assistant: Assistant) -> Iterator[Backend]:
    """The assistant at work on a free port, written down for `review push`, until the block is left."""
    password = secrets.token_urlsafe(18)
    with assist_server(assistant, password=password) as url:
        backend = Backend(url, password)
        path = write_secrets(root, KEPT, asdict(backend))
        try:
            yield backend
        finally:
            path.unlink(missing_ok=True)


def find_backend(root: Path) -> Backend | None:
    """The assistant that runs beside this project's own Label Studio; None where none answers.

    Raises:
        ReviewSetupError: its file is damaged.
    """
    path = root / FOLDER / KEPT
    try:
        backend = Backend(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise ReviewSetupError(
            f"{path} is damaged ({error}): remove it; the next `autoroto review serve --assist` writes it anew"
        ) from error
    return backend if _alive(backend) else None  # a server that was killed leaves its file behind


def connect(studio: Studio, project: int, backend: Backend | None) -> None:
    """Make it the project's one assistant; None: take away what is left of one. Backends of others stay.

    The project must have a model version by now: Label Studio would give it that of the backend, and show the
    pre-annotations of that version alone.

    Raises:
        StudioError: Label Studio does not reach it.
    """
    known = [values for values in studio.backends(project) if values["title"] == NAME]
    for gone in known if backend is None else known[1:]:
        studio.delete_backend(gone["id"])
    if backend is None:
        return
    wanted = {
        "project": project,
        "title": NAME,
        "description": "Scribbles of reviewers, see docs/review_assist.md. Kept by `autoroto review`.",
        "url": backend.url,
        "is_interactive": True,
        "auth_method": "BASIC_AUTH",
        "basic_auth_user": USER,
    }
    if not known:
        try:
            studio.create_backend(**wanted, basic_auth_pass=backend.password)
        except StudioError as error:
            # It keeps the backend, and answers that it may not call a webhook on this machine, which it wants to add to
            # every backend by itself. The assistant needs none.
            if not connected(studio, project):
                raise StudioError(f"Label Studio does not take the assistant at {backend.url}: {error}") from error
    elif known[0]["state"] != CONNECTED or any(known[0].get(name) != value for name, value in wanted.items()):
        studio.update_backend(known[0]["id"], **wanted, basic_auth_pass=backend.password)


def connected(studio: Studio, project: int) -> bool | None:
    """Whether the project's assistant answers; None where it has none."""
    states = [values["state"] for values in studio.backends(project) if values["title"] == NAME]
    return all(state == CONNECTED for state in states) if states else None


def _alive(backend: Backend) -> bool:
    with contextlib.suppress(httpx.HTTPError, ValueError, AttributeError):
        return bool(httpx.get(f"{backend.url}/health", timeout=5).json().get("model_class") == NAME)
    return False
