import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from qa.boosting import Boosted, Tree
from qa.expected_error import ExpectedError
from qa.judge import FITTED, SHARPNESS, SIGNALS, SUSPICION, Judge, JudgeError, combined, samples_of

TOY = Judge(
    signals=("label_iou", "odd_one"),
    model=Boosted(0.0, (Tree((0,), (0.9,), (0,), (-1.0, 1.0)), Tree((1,), (0.1,), (0,), (0.5, -2.0)))),
    detectors={},
    slope=2.0,
    offset=-1.0,
    fitted_on="nothing",
    command="none",
)


def test_probability_by_hand():
    assert TOY.probability({"label_iou": 0.95, "odd_one": 0.0}) == pytest.approx(1 / (1 + np.exp(-(2 * 1.5 - 1))))
    assert TOY.probability({"label_iou": 0.80, "odd_one": 0.2}) == pytest.approx(1 / (1 + np.exp(-(2 * -3 - 1))))


def test_detectors_by_hand():
    """Chance 1/2 of good; errors that are 1/2 likely when suspected, and of odds 1/4: sharpened by 3/2 they are 1/9."""
    found = combined(np.zeros(1), [np.full(1, -0.5), np.log([1 / 4]) - 0.5])
    assert found == pytest.approx(np.log(2 / 7) / 1.5)  # 1/2 · 1/2 · 8/9 = 2/9
    assert combined(np.asarray([0.7, -50.0, 50.0]), []) == pytest.approx([0.7, -50, 13.8], abs=0.1)


@given(st.lists(st.floats(-8, 8), min_size=1, max_size=6))
def test_the_whole_is_no_better_than_its_worst_part_and_one_alone_is_itself(odds: list[float]):
    good, *errors = (np.full(1, one) for one in odds)
    found = float(combined(good, errors)[0])
    parts = [odds[0], *(-one - SUSPICION for one in odds[1:])]
    against = sum(min(part, 0) for part in parts)
    assert against - len(parts) * np.log(2) / SHARPNESS - 1e-6 <= found <= min(parts) + 1e-6
    assert combined(good, []) == pytest.approx(good, abs=1e-6)


def test_a_detector_speaks_where_its_error_is_and_names_it():
    never = Boosted(-40.0, ())
    sure = Boosted(0.0, (Tree((1,), (0.1,), (0,), (-40.0, 3.0)),))
    judge = replace(TOY, detectors={"lag": never, "flicker": sure})
    assert judge.probability({"label_iou": 0.95}) == pytest.approx(TOY.probability({"label_iou": 0.95}))
    assert judge.probability({"label_iou": 0.95, "odd_one": 0.2}) < TOY.probability({"label_iou": 0.95, "odd_one": 0.2})
    odd = samples_of([{"odd_one": 0.2}], TOY.signals)
    assert (judge.errors(odd), TOY.errors(odd)) == (["flicker"], [""])


def test_signals_may_be_missing_and_others_are_ignored():
    assert TOY.probability({"label_iou": 0.95}) == TOY.probability({"label_iou": 0.95, "odd_one": 0.0, "area": 0.3})
    assert TOY.probability({}) == pytest.approx(1 / (1 + np.exp(-(2 * -0.5 - 1))))


@pytest.mark.parametrize("expected", [None, ExpectedError(TOY.model, 0.25)])
def test_a_judge_survives_its_file(tmp_path: Path, expected: ExpectedError | None):
    judge = replace(TOY, detectors={"lag": TOY.model}, expected=expected)
    judge.write(tmp_path / "judge.json")
    assert Judge.read(tmp_path / "judge.json") == judge


def test_expected_errors_by_hand():
    signals = [{"label_iou": 0.95, "odd_one": 0.0}, {"label_iou": 0.80, "odd_one": 0.2, "held_area": 0.4}]
    judge = replace(TOY, expected=ExpectedError(replace(TOY.model, start=-4.0), 0.25))
    assert judge.expected_errors(signals) == pytest.approx(1 / (1 + np.exp([2.5, 7.0])) + [0, 0.1])
    assert TOY.expected_errors(signals) == pytest.approx([1 - TOY.probability(one) for one in signals])


def test_a_file_of_before_has_no_expected_errors(tmp_path: Path):
    path = tmp_path / "judge.json"
    TOY.write(path)
    values = json.loads(path.read_text())
    del values["expected"]
    path.write_text(json.dumps(values))
    assert Judge.read(path) == TOY


def test_samples_have_a_column_a_name():
    samples = samples_of([{"odd_one": 1.0, "x": 5.0}, {}], ("label_iou", "odd_one"))
    assert np.isnan(samples).tolist() == [[True, False], [True, True]] and samples[0, 1] == 1.0
    assert samples_of([]).shape == (0, len(SIGNALS))


def test_files_that_are_no_judge_are_named_with_a_cure(tmp_path: Path):
    with pytest.raises(JudgeError, match="autoroto calibrate"):
        Judge.read(tmp_path / "missing.json")
    broken = tmp_path / "broken.json"
    broken.write_text("{}")
    with pytest.raises(JudgeError, match=r"broken\.json: no fitted judge"):
        Judge.read(broken)
    TOY.write(broken)
    values = json.loads(broken.read_text()) | {"signals": ["label_iou", "gone"]}
    broken.write_text(json.dumps(values))
    with pytest.raises(JudgeError, match="looks at gone"):
        Judge.read(broken)


class TestTheOneThatShips:
    def test_it_says_what_it_was_fitted_on_and_how_to_refit_it(self):
        judge = Judge.read()
        assert "natural labels" in judge.fitted_on and judge.command.startswith("autoroto calibrate")
        assert "keyed" not in judge.fitted_on
        assert FITTED.stat().st_size <= 2_000_000

    def test_it_is_monotone_in_every_signal_with_a_sign(self):
        judge = Judge.read()
        rng = np.random.default_rng(0)
        base = np.where(rng.random((40, len(judge.signals))) < 0.2, np.nan, rng.uniform(0, 1, (40, len(judge.signals))))
        grid = np.linspace(-0.2, 1.5, 40)
        for column, name in enumerate(judge.signals):
            swept = np.repeat(base, len(grid), axis=0)
            swept[:, column] = np.tile(grid, len(base))
            chances = judge.probabilities(swept).reshape(len(base), len(grid))
            assert (SIGNALS[name] * np.diff(chances, axis=1) >= -1e-12).all(), name

    def test_good_signals_are_trusted_and_bad_ones_are_not(self):
        good = {"label_iou": 0.98, "label_iou_best": 0.99, "label_iou_second": 0.985, "label_f": 0.97,
                "label_f_best": 0.99, "label_f_second": 0.98, "teacher_iou": 0.96, "teacher_f": 0.95, "core_doubt": 0.0,
                "band_doubt": 0.04, "missing_area": 0.0, "surplus_area": 0.0, "missing_weight": 0.0,
                "surplus_weight": 0.0, "edge_fit": 0.75, "jagged_length": 1.02, "apart_area": 0.0}  # fmt: skip
        bad = good | {"label_iou": 0.8, "label_iou_best": 0.85, "label_iou_second": 0.82, "label_f_best": 0.6,
                      "core_doubt": 0.2, "missing_area": 0.3, "missing_weight": 0.1}  # fmt: skip
        judge = Judge.read()
        assert judge.probability(good) > judge.probability(bad) + 0.2
