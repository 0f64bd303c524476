"""Tables and maps of who disagrees with whom, worked by hand on three small labels."""

import math
from dataclasses import replace

import numpy as np
import pytest

from qa.report_data import read_frames
from qa.report_disagreement import clip_heats, pair_table, scenario_table
from qa.report_gallery import Tile
from qa.report_pictures import view


def stripe(stop: int) -> np.ndarray:
    alpha = np.zeros((10, 20), np.uint8)
    alpha[:, :stop] = 255
    return alpha


@pytest.fixture(scope="module")
def three_tiles(report_inputs) -> list[Tile]:
    frames = read_frames(report_inputs.frames, report_inputs.quality, report_inputs.curated)
    same = [frame for frame in frames if frame.path == "demo/walk.mp4"][:2]
    other = next(frame for frame in frames if frame.path == "demo/portrait.png")
    picture = view("label", stripe(10))

    def tile(frame, scenarios, votes):
        return Tile(replace(frame, scenarios=scenarios), picture, (), stripe(10), votes)

    return [
        tile(same[0], ("dark",), {"a": stripe(10), "b": stripe(5)}),  # b against the label: IoU 1/2
        tile(same[1], (), {"a": stripe(5), "b": stripe(5)}),
        tile(other, ("dark",), {"b": stripe(10)}),  # a abstained
    ]


def test_every_two_are_compared_where_both_have_a_say(three_tiles):
    table = pair_table(three_tiles)
    assert table.columns == ("label", "a", "b")
    shares = {name: [cell.share for cell in cells] for name, cells in table.rows}
    assert math.isnan(shares["label"][0])
    assert shares["label"][1:] == pytest.approx([0.25, 1 / 3])
    assert shares["a"][2] == shares["b"][1] == pytest.approx(0.25)
    deepest = max(cell.depth for _, cells in table.rows for cell in cells)
    assert deepest == 1 and not table.rows[0][1][0].known


def test_scenarios_stand_beside_all(three_tiles):
    table = scenario_table(three_tiles)
    assert table.columns == ("all", "dark")
    shares = {name: [cell.share for cell in cells] for name, cells in table.rows}
    assert shares["a"] == pytest.approx([0.25, 0.0])
    assert shares["b"] == pytest.approx([1 / 3, 0.25])


def test_without_votes_there_is_no_table_and_no_map(three_tiles):
    silent = [replace(tile, votes={}) for tile in three_tiles]
    assert pair_table(silent).rows == () and scenario_table(silent).rows == () and clip_heats(silent) == {}


def test_a_clip_of_several_labels_has_a_map_and_a_photo_has_none(three_tiles):
    found = clip_heats(three_tiles)
    assert list(found) == [(three_tiles[0].frame.key[0], three_tiles[0].frame.clip)]
    (heat,) = found.values()
    assert (heat.width, heat.height) == (20, 10)
