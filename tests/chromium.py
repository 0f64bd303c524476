"""Pages in a headless Chromium, with everything noted that they do while they are open."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@dataclass
class Seen:
    """What a page did while it was open."""

    alarms: list[str]
    requests: list[str]


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless Chromium; where there is none the test is skipped, but not in continuous integration."""
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        if "CI" in os.environ:  # no assert: pytest would print the whole environment
            pytest.fail("there is no Chromium here, and continuous integration needs one: run `make browser`")
        pytest.skip("there is no Chromium here: run `make browser`")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program)
        try:
            yield opened
        finally:
            opened.close()


@contextmanager
def page_of(
    html: Path, width: int = 1200, height: int = 900, scheme: Literal["light", "dark"] = "light"
) -> Iterator[tuple[Page, Seen]]:
    """The file in the browser, with everything noted that a page with foreign code would do."""
    seen = Seen([], [])
    with browser() as opened:
        page = opened.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        page.on("console", lambda message: seen.alarms.append(f"{message.type}: {message.text}"))
        page.on("pageerror", lambda error: seen.alarms.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (seen.alarms.append(f"dialog: {dialog.message}"), dialog.dismiss()))
        page.on("popup", lambda popup: seen.alarms.append(f"popup: {popup.url}"))
        page.on("request", lambda request: seen.requests.append(request.url))
        page.goto(html.as_uri())
        page.wait_for_load_state("networkidle")
        yield page, seen


def outside(requests: list[str], html: Path) -> list[str]:
    return [url for url in requests if url != html.as_uri() and not url.startswith("data:")]
