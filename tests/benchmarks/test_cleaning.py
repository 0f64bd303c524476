"""The figures that `benchmarks/cleaning.py` draws from judged masks."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def cleaning(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("cleaning")


def masks(cleaning: ModuleType, set_name: str, sources: int, offset: float = 0.0) -> list:
    rng = np.random.default_rng(sources)
    made = []
    for index in range(sources):
        bad = index % 2 == 0
        off = offset + (0.2 if bad else 0.05) + 0.03 * rng.normal()
        kind = "missed_region" if bad else ""
        made.append(cleaning.Judged(set_name, f"{set_name}/{index}", kind, {"off": off}, 0.2 if bad else 0.0, 0.05))
    return made


def test_outcome_by_hand(cleaning: ModuleType) -> None:
    sure = cleaning.AnnotationJudge.model_validate(
        {
            "logistic": {"intercept": 0, "terms": {"off": {"weight": 1, "centre": 0.1, "spread": 0.01}}},
            "doubt_from": 0.5,
            "fitted_on": "",
            "refit": "",
        }
    )
    run = [
        cleaning.Judged("ccp", "ccp/0", "lag", {"off": 0.3}, 0.3, 0.05),  # found
        cleaning.Judged("ccp", "ccp/1", "lag", {"off": 0.05}, 0.1, 0.05),  # missed
        cleaning.Judged("ccp", "ccp/2", "", {"off": 0.2}, 0.0, 0.08),  # wrongly doubted
        cleaning.Judged("ccp", "ccp/3", "", {"off": 0.0}, 0.0, 0.5),
        cleaning.Judged("ccp", "ccp/4", "", {}, 0.0, 0.5),  # nobody voted: kept
    ]
    found = cleaning.outcome(run, {"": sure}, "cross")
    assert found["found"] == 0.5 and found["false_doubt"] == pytest.approx(1 / 3)
    assert found["error_before"] == pytest.approx(0.4 / 5)
    assert found["error_after"] == pytest.approx((0.05 + 0.1 + 0.08) / 5)


def test_no_source_is_on_both_sides(cleaning: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[set[str]] = []
    monkeypatch.setattr(cleaning, "fit_judge", lambda fitting, refit="": seen.append({one.source for one in fitting}))
    fitting = masks(cleaning, "ccp", 40) + masks(cleaning, "davis", 3)
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
    keyed = cleaning.Judged("keyed", "keyed", "", {}, 0.0, 0.0)
    assert {cleaning.fold_of(keyed, way) for way in ("cross", "left_out")} == {"keyed"}
    judges = cleaning.fit_judges(masks(cleaning, "ccp", 30) + masks(cleaning, "davis", 30), "cross")
    assert "keyed" not in judges and "" in judges


def test_a_fit_finds_and_keeps_to_its_share_of_doubts(cleaning: ModuleType) -> None:
    fitting = masks(cleaning, "ccp", 400) + masks(cleaning, "davis", 200)
    found = cleaning.outcome(fitting, {"": cleaning.fit_judge(fitting)}, "cross")
    assert found["found"] > 0.95 and found["false_doubt"] <= cleaning.DOUBTED + 0.02


def test_help_explains() -> None:
    script = str(BENCHMARKS / "cleaning.py")
    shown = subprocess.run([sys.executable, script, "--help"], capture_output=True, text=True, check=True).stdout
    for word in ("annotation", "--truth", "--fit", "left_out"):
        assert word in shown
