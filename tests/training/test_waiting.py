import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from training.waiting import DataWait, write_wait


class Clock:
    """Seconds that pass only when told."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def _slow(clock: Clock, seconds: float) -> Iterator[int]:
    for item in range(3):
        clock.now += seconds
        yield item


def test_the_share_of_the_time_by_hand() -> None:
    clock = Clock()
    wait = DataWait(clock)
    for _ in wait.watch(_slow(clock, 1.0)):
        clock.now += 4.0  # the step itself
    assert wait.share == pytest.approx(3 / 15)


def test_an_error_of_the_stream_is_handed_on_and_its_time_counted() -> None:
    clock = Clock()

    def broken() -> Iterator[int]:
        clock.now += 2.0
        raise OSError("gone")
        yield 0

    wait = DataWait(clock)
    with pytest.raises(OSError, match="gone"):
        list(wait.watch(broken()))
    assert wait.share == 1.0


def test_it_is_logged(tmp_path: Path) -> None:
    write_wait(tmp_path / "new", 10, 0.03456)
    assert json.loads((tmp_path / "new" / "data_wait.json").read_text()) == {"steps": 10, "data_wait": 0.0346}
