import json

import numpy as np
import pytest

from qa.boosting import Boosted, Tree, averaged, sigmoid

NAN = float("nan")
TREE = Tree(columns=(0, 1), thresholds=(0.5, 2.0), missing=(1, 0), values=(1.0, 2.0, 3.0, 4.0))


@pytest.mark.parametrize(
    ("sample", "leaf"),
    [([0, 0], 0), ([0, 3], 1), ([1, 0], 2), ([1, 3], 3), ([0.5, 2.0], 0), ([NAN, 3], 3), ([1, NAN], 2)],
)
def test_questions_are_bits_the_first_the_highest(sample: list[float], leaf: int):
    assert TREE.leaves(np.asarray([sample], float)).tolist() == [leaf]


def test_log_odds_are_the_sum_of_the_trees():
    model = Boosted(-0.5, (TREE, Tree((1,), (0.0,), (1,), (10.0, 20.0))))
    assert model.log_odds(np.asarray([[0.0, 3.0], [1.0, -1.0], [1.0, NAN]])).tolist() == [21.5, 12.5, 22.5]


def test_an_average_has_the_mean_log_odds():
    models = Boosted(-0.5, (TREE,)), Boosted(1.5, (Tree((1,), (0.0,), (1,), (10.0, 20.0)), TREE)), Boosted(2.0, ())
    samples = np.asarray([[0.0, 3.0], [1.0, -1.0], [1.0, NAN]])
    wanted = np.mean([one.log_odds(samples) for one in models], axis=0)
    assert averaged(models).log_odds(samples) == pytest.approx(wanted)


def test_json_gives_the_same_model_back():
    model = Boosted(0.1, (TREE, Tree((3,), (1 / 3,), (0,), (0.1, 0.2))))
    assert Boosted.from_json(json.loads(json.dumps(model.as_json()))) == model


def test_a_tree_with_too_few_values_is_refused():
    with pytest.raises(ValueError, match="a tree of 2 questions needs 4 values, got 3"):
        Boosted.from_json({"start": 0, "trees": [[[0, 1], [0.5, 0.5], [0, 0], [1, 2, 3]]]})


def test_sigmoid_of_far_away_log_odds_does_not_overflow():
    assert sigmoid(np.asarray([-1e9, 0.0, np.log(3), 1e9])).tolist() == pytest.approx([0, 0.5, 0.75, 1])
