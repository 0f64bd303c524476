"""The player's frames: whole bursts within a budget, curves that break between them."""

import math

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from qa.report_player import read_player


@pytest.fixture(scope="module")
def player(report_inputs):
    return read_player(report_inputs.keyed_clip, 10**7)


def test_every_frame_has_its_pictures_and_scores(player):
    assert len(player.frames) == 8 and player.bursts == 2 and (player.width, player.height) == (96, 64)
    assert player.methods == ("student", "selfie_landscape", "label")
    first = player.frames[0]
    assert set(first.pictures) == {"frame", "truth", "student", "selfie_landscape"}  # no label there
    assert all(uri.startswith("data:image/jpeg;base64,") for uri in first.pictures.values())
    assert (
        player.data()["frames"][5]["burst"] == 1 and player.data()["names"]["selfie_landscape"] == "MediaPipe landscape"
    )


def test_the_worst_frame_is_the_students(player):
    assert player.worst == 3


def test_curves_break_between_bursts_and_where_a_method_is_silent(player):
    student, _, label = player.curves()
    assert [x for x, y in student.points if math.isnan(y)] == [4.5]
    assert math.isnan(label.points[0][1]) and label.points[1][1] == 1


def test_a_short_budget_leaves_whole_bursts_out(report_inputs, player):
    size = sum(frame.bytes for frame in player.frames)
    half = read_player(report_inputs.keyed_clip, size - 1)
    assert len(half.frames) == 4 and half.bursts == 1
    assert read_player(report_inputs.keyed_clip, 10) is None


def test_an_empty_table_has_no_player(tmp_path):
    pq.write_table(pa.table({"burst": pa.array([], pa.string())}), tmp_path / "clip.parquet")
    assert read_player(tmp_path / "clip.parquet", 10**7) is None
