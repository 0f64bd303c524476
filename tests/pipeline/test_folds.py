"""Nothing is measured with a fit that saw its source."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline import folds
from stages.fuse import FuseConfig
from stages.reliability import Expertise


@dataclass(frozen=True)
class Known:
    """What `folds` looks at of a burst."""

    collection: str
    group: str


KNOWN = [
    *(Known("photos", f"photos/{index}") for index in range(20)),
    *(Known("films", f"films/{name}") for name in "abc" for _ in range(5)),
]


def test_in_domain_leaves_the_source_out_and_keeps_others_of_its_set() -> None:
    dealt = folds.folds(KNOWN)
    for one in KNOWN:
        name = folds.fit_for(one, "sets", dealt)
        seen = {other for other in KNOWN if folds.fitted_on(name, other.collection, other.group, dealt)}
        assert one.group not in {other.group for other in seen}
        assert {other.collection for other in seen} == {"photos", "films"}


def test_leave_one_out_sees_no_frame_of_the_set() -> None:
    dealt = folds.folds(KNOWN)
    for one in KNOWN:
        name = folds.fit_for(one, "leave_one_out", dealt)
        seen = {other.collection for other in KNOWN if folds.fitted_on(name, other.collection, other.group, dealt)}
        assert seen == {"photos", "films"} - {one.collection}


def test_the_keyed_clip_has_one_fit_for_both() -> None:
    keyed, dealt = Known("keyed", "keyed"), folds.folds(KNOWN)
    assert {folds.fit_for(keyed, regime, dealt) for regime in folds.REGIMES} == {folds.EVERYTHING}
    assert all(folds.fitted_on(folds.EVERYTHING, one.collection, one.group, dealt) for one in KNOWN)
    assert folds.fit_names([keyed], dealt) == [folds.EVERYTHING]


def test_folds_are_of_like_size_and_do_not_depend_on_the_order() -> None:
    dealt = folds.folds(KNOWN)
    assert dealt == folds.folds(KNOWN[::-1])
    assert sorted(sum(fold == index for fold in dealt.values()) for index in range(3)) == [7, 8, 8]
    assert sorted(dealt[f"films/{name}"] for name in "abc") == [0, 1, 2]


def test_a_folds_table_stands_in_for_the_fitted_file_but_not_for_what_was_set_by_hand() -> None:
    by_hand, fitted = {"isnet": Expertise(figure=0.9)}, {"selfie": Expertise(portrait=1), "isnet": Expertise()}
    config = FuseConfig(expertise=by_hand, slopes={"edge_fit": 1})
    config = folds.fuse_with(config, fitted, {"edge_fit": 3, "sureness": 2})
    assert config.fitted == folds.without_fit(FuseConfig()).fitted == ""
    assert config.expertise == {"selfie": Expertise(portrait=1), **by_hand}
    assert config.slopes == {"edge_fit": 1, "sureness": 2}


def test_there_may_be_other_numbers_of_folds() -> None:
    dealt = folds.folds(KNOWN, 5)
    assert sorted(sum(fold == index for fold in dealt.values()) for index in range(5)) == [4, 4, 5, 5, 5]


def test_each_group_has_the_fuse_of_the_fit_that_left_it_out() -> None:
    dealt = folds.folds(KNOWN)
    fits = {name: FuseConfig(slopes={"edge_fit": index}) for index, name in enumerate(folds.fit_names(KNOWN, dealt))}
    for regime in folds.REGIMES:
        configs = folds.configs_for(KNOWN, regime, dealt, fits)
        assert all(configs[one.group] == fits[folds.fit_for(one, regime, dealt)] for one in KNOWN)
