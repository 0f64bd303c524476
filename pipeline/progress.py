"""Progress bars for people on a terminal, a line now and then in a log."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from pipeline.terminal import plain

LOG_EVERY_SECONDS = 30


@contextmanager
def stage_progress(stage: str, console: Console) -> Iterator[Callable[[int, int, str], None]]:
    """A bar for one stage; the value to call is `progress(done, total, what)`."""
    if not console.is_terminal:
        yield _Log(stage, console)
        return
    columns = (
        TextColumn(f"[bold]{stage}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
        TextColumn("{task.fields[what]}", style="dim", markup=False),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(stage, total=None, what="")
        yield lambda done, total, what: bar.update(task, completed=done, total=total, what=plain(what[:60]))


class _Log:
    """Progress where nobody watches: a line every half minute."""

    def __init__(self, stage: str, console: Console) -> None:
        self._stage, self._console, self._last = stage, console, time.monotonic()

    def __call__(self, done: int, total: int, what: str) -> None:
        if time.monotonic() - self._last >= LOG_EVERY_SECONDS:
            self._last = time.monotonic()
            self._console.print(f"{self._stage}: {done}/{total} {plain(what)}", highlight=False, markup=False)
