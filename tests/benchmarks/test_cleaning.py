"""The figures that `benchmarks/cleaning.py` draws from judged masks."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from qa.annotation_fit import AnnotationSample
from qa.annotations import AnnotationJudge
from qa.logistic import Logistic, Term

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def cleaning(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("cleaning")


def sample(collection: str, index: int, off: float | None, bad: bool = False) -> AnnotationSample:
    return AnnotationSample(collection, f"{collection}/{index}", {} if off is None else {"off": off}, bad)


def samples(collection: str, sources: int) -> list[AnnotationSample]:
    rng = np.random.default_rng(sources)
    return [
        sample(collection, index, (0.05 if index % 2 else 0.2) + 0.03 * rng.normal(), index % 2 == 0)
        for index in range(sources)
    ]


def test_outcome_by_hand(cleaning: ModuleType) -> None:
    sure = AnnotationJudge(
        logistic=Logistic(intercept=0, terms={"off": Term(weight=1, centre=0.1, spread=0.01)}),
        doubt_from=0.5,
        fitted_on="",
        refit="",
    )
    run = [
        cleaning.Judged(sample("ccp", 0, 0.3, bad=True), "lag", 0.3, 0.05),  # found
        cleaning.Judged(sample("ccp", 1, 0.05, bad=True), "lag", 0.1, 0.05),  # missed
        cleaning.Judged(sample("ccp", 2, 0.2), "", 0.0, 0.08),  # wrongly doubted
        cleaning.Judged(sample("ccp", 3, 0.0), "", 0.0, 0.5),
        cleaning.Judged(sample("ccp", 4, None), "", 0.0, 0.5),  # nobody voted: kept
    ]
    found = cleaning.outcome(run, {"": sure}, "cross")
    assert found["found"] == 0.5 and found["false_doubt"] == pytest.approx(1 / 3)
    assert found["error_before"] == pytest.approx(0.4 / 5)
    assert found["error_after"] == pytest.approx((0.05 + 0.1 + 0.08) / 5)


def test_no_source_is_on_both_sides(cleaning: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[str]] = []
    monkeypatch.setattr(cleaning, "fit_annotation_judge", lambda fitting: seen.append({one.source for one in fitting}))
    fitting = samples("ccp", 40) + samples("davis", 3)
    for way in ("cross", "left_out"):
        seen.clear()
        folds = sorted({cleaning.fold_of(one, way) for one in fitting})
        cleaning.fit_judges(fitting, way)
        for fold, sources in zip(folds, seen, strict=False):
            measured = {one.source for one in fitting if cleaning.fold_of(one, way) == fold}
            assert measured and not measured & sources
            assert measured | sources == {one.source for one in fitting}
    assert len(folds) == 2  # left_out: whole sets


def test_the_keyed_clip_is_judged_by_a_fit_on_all_others(cleaning: ModuleType) -> None:
    keyed = AnnotationSample("keyed", "keyed", {}, bad=False)
    assert {cleaning.fold_of(keyed, way) for way in ("cross", "left_out")} == {"keyed"}
    judges = cleaning.fit_judges(samples("ccp", 30) + samples("davis", 30), "cross")
    assert "keyed" not in judges and "" in judges


def test_help_explains() -> None:
    script = str(BENCHMARKS / "cleaning.py")
    shown = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True, check=True).stdout
    for word in ("annotation", "--truth", "--quick", "--cache", "--jobs"):
        assert word in shown
