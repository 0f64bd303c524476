"""What a worker is at: a line in a file of its own on the store, for whoever finds it dead or waits for it.

A driver on another machine reads it, so it is written as shared filesystems want it: opened, written, closed, and
therefore on the server before the item begins. That costs tens of microseconds an item on a local disk.
"""

from __future__ import annotations

import faulthandler
import os
import time
from collections.abc import Callable, Hashable
from pathlib import Path

PULSE_SECONDS = 1.0
"""An item that yields many rows (ingest: a long film) is noted again this often at most, as a sign of progress."""

_WIDTH = 40  # of the note: always the same, so that no reader meets half of one; a crash's last words follow it


class Heartbeat:
    """One worker's note of the item it is at. Without a path it stays in memory, for a watcher in the same process.

    Attributes:
        note: a count that grows with every beat, and the item's number in its unit (`-` outside of all items).
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._count = 0
        self._item: int | None = None
        self._pulse = time.monotonic()
        self.note = ""
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)

    def at(self, item: int | None) -> None:
        """Note that the worker begins with `item`; None: it opens weights, reads or commits."""
        self._item = item
        self._count += 1
        self._pulse = time.monotonic()
        self.note = f"{self._count} {'-' if item is None else item}"
        if self._path is not None:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o644)
            try:
                os.write(descriptor, self.note.ljust(_WIDTH).encode())
            finally:
                os.close(descriptor)

    def keep_last_words(self) -> None:
        """Let a fatal signal of this process's own doing (abort, segmentation fault) leave its name in the file.

        That tells a clip that crashes a decoder from a process that was killed, which may get better.
        """
        assert self._path is not None
        self.at(None)
        self._words = self._path.open("ab")  # open for good: nothing can be opened once the signal is there
        faulthandler.enable(self._words, all_threads=False)

    def pulse(self) -> None:
        """Still at the same item, but it moves: a new note once a second at most."""
        if time.monotonic() - self._pulse >= PULSE_SECONDS:
            self.at(self._item)


def read_note(path: Path) -> str:
    """A worker's note; "" before its first."""
    return _read(path)[:_WIDTH].strip()


def last_words(path: Path) -> str:
    """The name of the fatal signal that a worker ended itself with, e.g. "Aborted"; "" where there was none."""
    return _read(path)[_WIDTH:].partition("\n")[0].removeprefix("Fatal Python error: ")


def item_of(note: str) -> int | None:
    """The item that a note names; None where the worker was at none.

    >>> item_of("12 3"), item_of("13 -"), item_of("")
    (3, None, None)
    """
    item = note.rpartition(" ")[2]
    return int(item) if item.isdigit() else None


class Watch:
    """Who shows nothing new for `seconds`. Only the watcher's own clock counts: machines need not agree on the time."""

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._seen: dict[Hashable, tuple[Hashable, float]] = {}

    @property
    def poll_seconds(self) -> float:
        """How often to look: a stall is found at most an eighth (or half a minute) late."""
        return min(30.0, self.seconds / 8)

    def stalled(self, who: Hashable, sign: Hashable) -> bool:
        """Whether `who` has shown this same sign for `seconds`; the first look starts the clock."""
        now = self._clock()
        last, since = self._seen.get(who, (None, now))
        if last != sign or who not in self._seen:
            self._seen[who] = sign, now
            return False
        return now - since >= self.seconds

    def forget(self, who: Hashable) -> None:
        """Stop the clock of `who`: it begins something else, or is gone."""
        self._seen.pop(who, None)


def _read(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except FileNotFoundError:
        return ""
