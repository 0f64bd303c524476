"""Nothing is measured with a fit that saw its source."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import pytest

from stages.fuse import FuseConfig

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@dataclass(frozen=True)
class Known:
    """What `folds` looks at of a burst."""

    collection: str
    group: str


KNOWN = [
    *(Known("photos", f"photos/{index}") for index in range(20)),
    *(Known("films", f"films/{name}") for name in "abc" for _ in range(5)),
]


@pytest.fixture
def folds(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("folds")


def test_in_domain_leaves_the_source_out_and_keeps_others_of_its_set(folds: ModuleType) -> None:
    dealt = folds.folds(KNOWN)
    for one in KNOWN:
        name = folds.fit_for(one, "sets", dealt)
        seen = {other for other in KNOWN if folds.fitted_on(name, other.collection, other.group, dealt)}
        assert one.group not in {other.group for other in seen}
        assert {other.collection for other in seen} == {"photos", "films"}


def test_leave_one_out_sees_no_frame_of_the_set(folds: ModuleType) -> None:
    dealt = folds.folds(KNOWN)
    for one in KNOWN:
        name = folds.fit_for(one, "leave_one_out", dealt)
        seen = {other.collection for other in KNOWN if folds.fitted_on(name, other.collection, other.group, dealt)}
        assert seen == {"photos", "films"} - {one.collection}


def test_the_keyed_clip_has_one_fit_for_both(folds: ModuleType) -> None:
    keyed, dealt = Known("keyed", "keyed"), folds.folds(KNOWN)
    assert {folds.fit_for(keyed, regime, dealt) for regime in folds.REGIMES} == {folds.EVERYTHING}
    assert all(folds.fitted_on(folds.EVERYTHING, one.collection, one.group, dealt) for one in KNOWN)
    assert folds.fit_names([keyed], dealt) == [folds.EVERYTHING]


def test_folds_are_of_like_size_and_do_not_depend_on_the_order(folds: ModuleType) -> None:
    dealt = folds.folds(KNOWN)
    assert dealt == folds.folds(KNOWN[::-1])
    assert sorted(sum(fold == index for fold in dealt.values()) for index in range(3)) == [7, 8, 8]
    assert sorted(dealt[f"films/{name}"] for name in "abc") == [0, 1, 2]


def test_nothing_to_fit_on_means_the_weighted_mean_by_design(folds: ModuleType) -> None:
    config = folds.fuse_with(FuseConfig(), None, ["selfie", "u2netp"])
    assert config.strategy == "weighted"
    assert {name: (skill.portrait, skill.figure, skill.distant) for name, skill in config.expertise.items()} == {
        "selfie": (1.0, 0.5, 0.5),
        "u2netp": (0.5, 0.5, 0.5),
    }
    fitted = folds.fuse_with(FuseConfig(), Path("/somewhere/fold.safetensors"), ["selfie"])
    assert (fitted.strategy, fitted.fitted) == ("combiner", "/somewhere/fold.safetensors")
