"""Peak memory of a run: this process and all its descendants, Ray included."""

from __future__ import annotations

import threading

import psutil

EVERY_SECONDS = 1.0


class PeakMemory:
    """Samples the memory of the process tree while the block runs; shared pages are counted once (PSS).

    Attributes:
        bytes: the largest sum seen.
    """

    def __init__(self) -> None:
        self.bytes = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        me = psutil.Process()
        while not self._end.wait(EVERY_SECONDS):
            self.bytes = max(self.bytes, sum(map(_memory, [me, *me.children(recursive=True)])))


def _memory(process: psutil.Process) -> int:
    try:
        info = process.memory_full_info()
    except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
        return 0  # it ended between being listed and being asked
    return int(getattr(info, "pss", info.rss))
