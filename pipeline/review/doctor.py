"""`autoroto review doctor`: what stands between this project and a review, and how to mend it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from datasets.manifest import read_table
from datasets.reviews import ReviewError, known_decisions
from pipeline.review.access import ACCESS, FOLDER, URL, ReviewSetupError, find_access
from pipeline.review.backend import connected
from pipeline.review.client import Studio, StudioError
from pipeline.review.project import find_project
from pipeline.review.server import INSTALLED
from pipeline.review.tasks import SERVED
from qa.curate import REVIEWS

TESTED = "1.23."
"""Versions of Label Studio that the tests run with."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at: whether it is well, and in words what is, or what to do."""

    well: bool
    text: str


def examine(root: Path, title: str) -> Iterator[Finding]:
    """Everything a review needs, in the order in which it is needed; stops where the rest cannot be looked at."""
    yield from _pipeline(root)
    yield from _decisions(root)
    if not os.environ.get(URL):
        program = root / INSTALLED
        yield Finding(program.exists(), f"Label Studio is installed: {program}" if program.exists() else
                      f"Label Studio is not installed ({program} is missing): run `make review`")  # fmt: skip
        yield from _secrets(root)
    try:
        access = find_access(root)
        with Studio(access, timeout=30) as studio:
            user, version = studio.user(), studio.version()
            yield Finding(True, f"Label Studio {version} answers at {access.url} and takes the token of {user}")
            if not version.startswith(TESTED):
                yield Finding(True, f"... this version is not the one that is tested ({TESTED}x)")
            project = find_project(studio, title)
            if project is None:
                yield Finding(True, f"there is no project {title!r} yet: `autoroto review push` makes it")
                return
            tasks = list(studio.tasks(project.id))
            yield Finding(True, f"project {title!r} has {len(tasks)} tasks: {access.url}/projects/{project.id}/data")
            there = f"{access.served_there.rstrip('/')}/{SERVED}"
            stored = any(storage["path"].rstrip("/") == there for storage in studio.storages(project.id))
            yield Finding(stored, f"its frames are served from {there}" if stored else
                          f"it may not serve {there}: run `autoroto review push` again")  # fmt: skip
            yield from _assistant(studio, project.id)
            yield _frames(access.served, [str(task["data"].get("image", "")) for task in tasks])
            if tasks and stored:
                yield _served(studio, str(tasks[0]["data"].get("image", "")))
    except (ReviewSetupError, StudioError) as error:
        yield Finding(False, str(error))


def _pipeline(root: Path) -> Iterator[Finding]:
    try:
        rows = sum(read_table(root / "data" / "score" / "manifest.parquet", ["rows"])["rows"].to_pylist())
        yield Finding(rows > 0, f"{rows} labels are scored" if rows else "no label is scored: add footage to data/raw")
    except (FileNotFoundError, ValueError) as error:
        yield Finding(False, str(error))


def _decisions(root: Path) -> Iterator[Finding]:
    try:
        yield Finding(True, f"{len(known_decisions(root / REVIEWS))} decisions are in {REVIEWS}")
    except ReviewError as error:
        yield Finding(False, str(error))


def _secrets(root: Path) -> Iterator[Finding]:
    path = root / FOLDER / ACCESS
    if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
        yield Finding(False, f"others can read {path}, which holds a password: run `chmod 600 {path}`")


def _assistant(studio: Studio, project: int) -> Iterator[Finding]:
    well = connected(studio, project)
    if well is not None:
        yield Finding(well, "its assistant answers" if well else
                      "its assistant does not answer: end `autoroto review serve` and start it again with --assist "
                      "(or without: then the project forgets it)")  # fmt: skip


def _frames(served: str, addresses: list[str]) -> Finding:
    names = [address.partition("?d=")[2] for address in addresses]
    missing = [name for name in names if name and not (Path(served) / name).exists()]
    if missing:
        return Finding(
            False,
            f"{len(missing)} of {len(names)} frames are missing in {served} (such as {missing[0]}): "
            "run `autoroto review push` again, which draws them anew",
        )
    return Finding(True, f"all {len(names)} frames lie in {served}")


def _served(studio: Studio, address: str) -> Finding:
    status = studio.picture(address)
    if status == 200:
        return Finding(True, "a frame can be looked at")
    return Finding(
        False,
        f"Label Studio answers {status} for {address}: start it with LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED=true and "
        "LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT as `autoroto review serve` does",
    )
