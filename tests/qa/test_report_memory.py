"""What the report remembers: the last run that differs, whatever is written again or killed half-way."""

import pytest

from qa.report_memory import BEFORE, LAST, LabelState, Snapshot, remember, run_before


def run(iou: float, quality: float = 0.5) -> Snapshot:
    labels = {("s", 40_000): LabelState("walk.mp4", quality, "silver", "")}
    return Snapshot({"keyed/student/iou": iou}, {"train.steps": "600"}, labels)


def test_a_first_run_has_nothing_before_it(tmp_path):
    assert run_before(tmp_path / "memory", run(0.9)) is None


def test_the_run_before_is_the_last_one_that_differs(tmp_path):
    remember(tmp_path, run(0.9))
    assert run_before(tmp_path, run(0.9)) is None
    assert run_before(tmp_path, run(0.92)) == run(0.9)
    remember(tmp_path, run(0.92))
    remember(tmp_path, run(0.92))  # written again
    assert run_before(tmp_path, run(0.92)) == run(0.9)
    remember(tmp_path, run(0.92, quality=0.6))
    assert run_before(tmp_path, run(0.92, quality=0.6)) == run(0.92)


def test_a_kill_between_the_two_files_is_put_right(tmp_path):
    remember(tmp_path, run(0.9))
    (tmp_path / BEFORE).write_bytes((tmp_path / LAST).read_bytes())  # and not yet the new one
    assert run_before(tmp_path, run(0.92)) == run(0.9)
    remember(tmp_path, run(0.92))
    assert run_before(tmp_path, run(0.92)) == run(0.9)


def test_a_file_that_is_no_memory_is_named(tmp_path):
    (tmp_path / LAST).write_bytes(b"not parquet")
    with pytest.raises(ValueError, match=r"last\.parquet.*remove that file"):
        run_before(tmp_path, run(0.9))
