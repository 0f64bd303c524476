from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from pipeline.heartbeat import Heartbeat, Watch, item_of, last_words, read_note

DIES = """
import os, signal, sys
from pathlib import Path
from pipeline.heartbeat import Heartbeat
beat = Heartbeat(Path(sys.argv[1]))
beat.keep_last_words()
beat.at(12)
os.kill(os.getpid(), int(sys.argv[2]))
"""


def test_a_note_names_the_item_and_is_new_at_every_beat(tmp_path):
    beat = Heartbeat(tmp_path / "staging" / "worker.note")
    assert read_note(tmp_path / "staging" / "worker.note") == ""
    seen = []
    for item in (None, 0, 9, 10, 10, None):
        beat.at(item)
        seen.append(read_note(tmp_path / "staging" / "worker.note"))
    assert [item_of(note) for note in seen] == [None, 0, 9, 10, 10, None]
    assert len(set(seen)) == len(seen) and seen[-1] == beat.note


def test_a_pulse_is_a_new_note_of_the_same_item_now_and_then(monkeypatch):
    beat = Heartbeat()
    beat.at(3)
    before = beat.note
    beat.pulse()
    assert beat.note == before
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 2)
    beat.pulse()
    assert beat.note != before and item_of(beat.note) == 3


@pytest.mark.parametrize(
    "number, words",
    [(signal.SIGABRT, "Aborted"), (signal.SIGSEGV, "Segmentation fault"), (signal.SIGKILL, ""), (signal.SIGTERM, "")],
)
def test_only_a_crash_of_its_own_doing_leaves_words(tmp_path, number, words):
    path = tmp_path / "worker.note"
    process = subprocess.run([sys.executable, "-c", DIES, str(path), str(int(number))], check=False)
    assert process.returncode == -number
    assert item_of(read_note(path)) == 12 and last_words(path) == words


def test_a_beat_costs_less_than_a_millisecond(tmp_path):
    """An item takes tens of milliseconds at least; on a quiet machine a beat takes 0.02 ms."""
    beat = Heartbeat(tmp_path / "worker.note")
    start = time.process_time()
    for item in range(1000):
        beat.at(item)
    assert time.process_time() - start < 1
    assert (tmp_path / "worker.note").stat().st_size < 100


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


def test_a_stall_is_the_same_sign_for_too_long():
    clock = Clock()
    watch = Watch(10, clock)
    assert not watch.stalled("a", "1 0")
    clock.now += 9
    assert not watch.stalled("a", "1 0")
    assert not watch.stalled("b", "1 0")  # seen for the first time
    clock.now += 1
    assert watch.stalled("a", "1 0") and not watch.stalled("b", "1 0")


def test_a_new_sign_or_a_new_unit_starts_the_clock_again():
    clock = Clock()
    watch = Watch(10, clock)
    watch.stalled("a", "1 0")
    clock.now += 9
    assert not watch.stalled("a", "2 1")
    clock.now += 9
    assert not watch.stalled("a", "2 1")
    watch.forget("a")
    clock.now += 9
    assert not watch.stalled("a", "2 1")


def test_looking_is_frequent_enough_for_short_limits_and_rare_for_long_ones():
    assert Watch(8).poll_seconds == 1 and Watch(900).poll_seconds == 30
