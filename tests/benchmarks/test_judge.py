"""The figures that `benchmarks/judge.py` draws from judged labels."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from pipeline.folds import fit_names, folds
from pipeline.judge_data import Labelled, Spec
from qa.examples import Example

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
NOTHING = Spec()
GOOD, BAD = (0.97, 0.95), (0.80, 0.70)


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module beside the script."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("judge_figures")


def judged(figures: ModuleType, truth: tuple[float, float], chance: float, *, spec: Spec = NOTHING, rated: float = 0.5,
           burst: str = "a", index: int = 0, teacher: str = "", was: bool = True):  # fmt: skip
    labelled = Labelled("ccp", "ccp/0", burst, index, spec, teacher, Example({}, *truth, rated))
    return figures.Judged(labelled, chance, spec.kind or "jagged_edge", was, was)


def test_auroc_by_hand(figures: ModuleType) -> None:
    bad = np.asarray([True, True, False, False])
    assert figures.auroc(bad, np.asarray([0.9, 0.8, 0.2, 0.1])) == 1.0
    assert figures.auroc(bad, np.asarray([0.9, 0.1, 0.2, 0.05])) == 0.75
    assert figures.auroc(bad, np.asarray([0.5, 0.5, 0.5, 0.5])) == 0.5
    assert np.isnan(figures.auroc(np.asarray([True, True]), np.asarray([0.1, 0.2])))


def test_calibration_error_by_hand(figures: ModuleType) -> None:
    """Two bins: P .2 with none good, P .8 with half good: (.2 + .3) / 2."""
    labels = [judged(figures, BAD, 0.2)] * 4 + [judged(figures, GOOD, 0.8)] * 2 + [judged(figures, BAD, 0.8)] * 2
    assert figures.calibration_error(labels, bins=2) == pytest.approx(0.25)


def test_only_what_the_injection_spoilt_is_positive(figures: ModuleType) -> None:
    spoilt, one = Spec("missed_region", 0.2, 0.5), Spec("missed_region", 0.2, 0.0)
    labels = [
        judged(figures, GOOD, 0.9),
        judged(figures, BAD, 0.3, was=False),  # a natural bad label is neither
        judged(figures, GOOD, 0.6, teacher="pose"),  # nor is a raw vote
        judged(figures, BAD, 0.1, spec=spoilt),
        judged(figures, GOOD, 0.8, spec=spoilt),  # survived the injection: reported apart
        judged(figures, BAD, 0.2, spec=spoilt, was=False),  # was never good
        judged(figures, BAD, 0.2, spec=one),  # into one teacher only
        judged(figures, BAD, 0.2, spec=Spec("jagged_edge", 0.2, 0.5)),
    ]
    bad, doubt = figures.compared(labels, "missed_region")
    assert bad.tolist() == [False, True] and doubt.tolist() == pytest.approx([0.1, 0.9])
    bad, _ = figures.compared(labels, "natural")
    assert bad.tolist() == [False, True, False]


def test_lasting_errors_are_judged_over_the_burst(figures: ModuleType) -> None:
    spec = Spec("flicker", 0.2, 0.5)
    labels = [
        *(judged(figures, GOOD, 0.9, index=i) for i in range(2)),
        judged(figures, BAD, 0.1, spec=spec, index=0),
        judged(figures, GOOD, 0.7, spec=spec, index=1),
        judged(figures, GOOD, 0.9, burst="photo"),  # one frame is no burst
        *(judged(figures, GOOD, 0.9, burst="b", spec=spec, index=i) for i in range(2)),  # survived
    ]
    bad, doubt = figures.compared(labels, "flicker")
    assert bad.tolist() == [False, True] and doubt.tolist() == pytest.approx([0.1, 0.6])


def test_cleanlab_is_compared_on_the_same_labels(figures: ModuleType) -> None:
    labels = [judged(figures, GOOD, 0.9, rated=0.2), judged(figures, BAD, 0.1, rated=0.6)]
    assert figures.separations(labels, kinds=("natural",)) == {"natural": 1.0}
    assert figures.separations(labels, by="cleanlab", kinds=("natural",)) == {"natural": 0.0}


def test_named_is_the_share_of_errors_called_by_their_type(figures: ModuleType) -> None:
    right = judged(figures, BAD, 0.1, spec=Spec("lag", 0.2))
    wrong = judged(figures, BAD, 0.1)
    assert figures.named([right, right, wrong]) == pytest.approx(2 / 3)


class TestNobodyIsJudgedByWhoSawHim:
    """The benchmark itself, with a judge that only notes what it was fitted on."""

    @pytest.fixture
    def judge(self, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
        monkeypatch.syspath_prepend(BENCHMARKS)
        module = importlib.import_module("judge")
        fitted: list[list[Labelled]] = []

        class Noted:
            signals = ("label_iou",)

            def __init__(self, seen: list[Labelled]) -> None:
                self.number = len(fitted)
                fitted.append(seen)

            def probabilities(self, samples: np.ndarray) -> np.ndarray:
                return np.full(len(samples), float(self.number))

            def errors(self, samples: np.ndarray) -> list[str]:
                return [""] * len(samples)

        monkeypatch.setattr(importlib.import_module("held_out"), "fit_on", Noted)
        module.fitted = fitted
        return module

    def labels(self) -> list[Labelled]:
        example = Example({"label_iou": 0.9}, *GOOD)
        groups = [("keyed", "keyed"), *(("ccp", f"ccp/{i}") for i in range(6)), ("davis", "hike"), ("davis", "lucia")]
        return [
            Labelled(collection, group, f"{group}{viewed}", 0, NOTHING, "", example, viewed)
            for collection, group in groups
            for viewed in (False, True)
            if not (viewed and collection == "keyed")
        ]

    def test_in_domain(self, judge: ModuleType) -> None:
        found = self.labels()
        dealt = folds([one for one in found if one.collection != "keyed"])
        fitted = judge.judges(fit_names(found, dealt), found, dealt)
        judged = judge.judged_by(fitted, found, "sets", dealt)
        assert len(judged) == 9 and not any(one.labelled.viewed for one in judged)
        for one in judged:
            seen = judge.fitted[int(one.chance)]
            assert one.labelled.group not in {other.group for other in seen}
            assert "keyed" not in {other.collection for other in seen}
            assert {"ccp", "davis"} == {other.collection for other in seen} and any(other.viewed for other in seen)
        assert max(len(seen) for seen in judge.fitted) == 16  # the keyed clip's judge saw all the others

    def test_sets_left_out(self, judge: ModuleType) -> None:
        found = self.labels()
        dealt = folds([one for one in found if one.collection != "keyed"])
        fitted = judge.judges(fit_names(found, dealt), found, dealt)
        judged = judge.judged_by(fitted, found, "leave_one_out", dealt)
        assert len(judged) == 9
        for one in judged:
            seen = {other.collection for other in judge.fitted[int(one.chance)]}
            assert seen == {"ccp", "davis"} - {one.labelled.collection}


def test_positives_are_counted_as_they_are_compared(figures: ModuleType) -> None:
    spoilt = Spec("jagged_edge", 0.5, 0.5)
    labels = [
        judged(figures, GOOD, 0.9),
        judged(figures, BAD, 0.9, spec=spoilt),
        judged(figures, BAD, 0.4, spec=spoilt),
    ]
    counts = figures.positives(labels)
    assert counts["jagged_edge"] == 2 and counts["lag"] == 0 and counts["natural"] == 0
