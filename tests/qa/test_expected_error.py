import json

import numpy as np
import pytest

from qa.boosting import Boosted, Tree
from qa.expected_error import ExpectedError, held_areas

TOY = ExpectedError(Boosted(np.log(0.1 / 0.9), (Tree((0,), (0.5,), (0,), (0.0, np.log(9))),)), 0.5)


def test_the_trees_say_a_share_and_held_areas_are_added():
    samples = np.asarray([[0.0], [1.0], [0.0], [1.0]])
    expected = TOY.of(samples, np.asarray([0.0, 0.0, 0.2, 4.0]))
    assert expected == pytest.approx([0.1, 0.5, 0.1 + 0.5 * 0.2, 1.0])


def test_json_gives_the_same_back():
    assert ExpectedError.from_json(json.loads(json.dumps(TOY.as_json()))) == TOY


def test_a_label_without_the_signal_holds_nothing():
    assert held_areas([{"held_area": 0.3}, {"label_iou": 0.9}]).tolist() == [0.3, 0.0]
    assert held_areas([]).shape == (0,)
