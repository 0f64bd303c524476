"""What changed between two runs, worked by hand."""

from qa.report_changes import changes, figures
from qa.report_data import read_frames
from qa.report_memory import LabelState, Snapshot


def label(quality: float, group: str = "silver", path: str = "walk.mp4", error: str = "") -> LabelState:
    return LabelState(path, quality, group, error)


BEFORE = Snapshot(
    {"labels": 4, "flagged labels": 1, "keyed/student/iou": 0.9204, "keyed/student/mad": 12.0, "student ms": 2.31},
    {"train.steps": "600", "fuse.strategy": "weighted"},
    {("s", 0): label(0.9), ("s", 1): label(0.9), ("s", 2): label(0.5, "bronze"), ("t", 0): label(0.8, path="gone.jpg")},
)
NOW = Snapshot(
    {"labels": 4, "flagged labels": 2, "keyed/student/iou": 0.9312, "keyed/student/mad": 12.5, "student ms": 2.3},
    {"train.steps": "1200", "fuse.strategy": "weighted", "train.seed": "1"},
    {
        ("s", 0): label(0.92),
        ("s", 1): label(0.6, "bronze", error="lag"),
        ("s", 2): label(0.85),
        ("u", 0): label(0.7, path="new.mp4"),
    },
)


def test_figures_that_read_alike_are_left_out_and_the_others_judged():
    rows = {row.name: (row.before, row.now, row.difference, row.verdict) for row in changes(BEFORE, NOW).figures}
    assert rows == {
        "flagged labels": ("1", "2", "+1", "worse"),
        "student, IoU, keyed test clip": ("0.920", "0.931", "+0.011", "better"),
        "student, MAD ×10³, keyed test clip": ("12.00", "12.50", "+0.50", "worse"),
    }


def test_a_figure_that_is_gone_or_new_has_a_dash():
    rows = changes(Snapshot({"old": 1}, {}, {}), Snapshot({"new": 2}, {}, {})).figures
    assert [(row.name, row.before, row.now, row.verdict) for row in rows] == [
        ("new", "–", "2", ""),
        ("old", "1", "–", ""),
    ]


def test_parameters_and_footage_are_named():
    found = changes(BEFORE, NOW)
    assert found.params == (("train.seed", "–", "1"), ("train.steps", "600", "1200"))
    assert (found.sources_added, found.sources_removed) == (("new.mp4",), ("gone.jpg",))
    assert (found.added, found.removed) == (1, 1)


def test_labels_that_moved_are_counted_and_the_losses_named():
    found = changes(BEFORE, NOW)
    assert (found.better, found.worse) == (1, 1)
    assert found.moves == (("bronze", "silver", 1), ("silver", "bronze", 1))
    (lost,) = found.lost
    assert (lost.path, lost.seconds, lost.before.quality, lost.now.error) == ("walk.mp4", 1e-6, 0.9, "lag")


def test_nothing_changed_between_equal_runs():
    found = changes(NOW, NOW)
    assert not (found.figures or found.params or found.moves or found.lost or found.added or found.worse)


def test_the_figures_of_a_run(report_inputs):
    frames = read_frames(report_inputs.frames, report_inputs.quality, report_inputs.curated)
    found = figures(frames, {"keyed": {"student": {"iou": 0.95, "frames": 104}}, "milliseconds": {"student": 2.3}})
    assert found["labels"] == 41 and found["keyed/student/iou"] == 0.95 and found["student ms"] == 2.3
    assert "keyed/student/frames" not in found and figures([], {}) == {}
