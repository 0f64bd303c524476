"""Labels with known errors: what is done to which burst, and that nothing is computed twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datasets.clips import Clip
from pipeline.calibrate_judge import LASTING, SIZES, fit_on, good_bursts, labelled_for, specs_for
from pipeline.judge_data import KnownClip, Labelled, Spec, cut, label_all
from qa.damage import ALL, MOST, ONE
from stages.fuse import FuseConfig
from stages.reliability import Expertise
from tests.walkers import CONFIG, walker


def labels(work: list[tuple[KnownClip, Spec]], cache: Path, **configs: FuseConfig) -> list[Labelled]:
    """All groups are fused by `CONFIG`, unless theirs is given."""
    by_group = {known.group: configs.get(known.group, CONFIG) for known, _ in work}
    return label_all(work, by_group, side=96, cache=cache, jobs=1)


def test_bursts_are_cut_with_all_that_belongs_to_them() -> None:
    parts = list(cut(walker("walk", 6), 4))
    assert [len(part.clip) for part in parts] == [4, 2]
    assert [len(part.truths) for part in parts] == [4, 2]
    assert [row.time_us for row in parts[1].clip.votes["b"]] == [4, 5]
    assert len({part.name for part in parts}) == 2


def test_natural_labels_are_the_fused_one_and_every_raw_vote(tmp_path: Path) -> None:
    found = labels([(walker("walk", 2), Spec())], tmp_path)
    assert [(one.teacher, one.index) for one in found] == [(name, i) for name in ("", "a", "b", "c") for i in (0, 1)]
    assert all(one.example.good and one.natural for one in found)
    # A raw vote is judged by the other teachers.
    assert [one.example.signals["teachers"] for one in found] == [3, 3] + [2] * 6


@pytest.mark.parametrize("kind", ["missed_region", "over_segmentation", "lag"])
def test_damage_in_all_votes_spoils_the_label(kind: str, tmp_path: Path) -> None:
    work = [(walker("walk", 4), Spec(kind, 0.4, ALL)), (walker("walk", 4), Spec(kind, 0.4, ONE))]
    found = labels(work, tmp_path)
    assert np.mean([one.example.iou for one in found[:4]]) < 0.9
    assert np.mean([one.example.iou for one in found[4:]]) > np.mean([one.example.iou for one in found[:4]])
    assert not any(one.natural for one in found)


def test_what_was_computed_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = [(walker("walk", 2), Spec()), (walker("photo", 1), Spec("missed_region", 0.3, pan=True))]
    first = labels(work, tmp_path)
    monkeypatch.setattr("pipeline.judge_data.inject", None)
    monkeypatch.setattr("pipeline.judge_data.fused", None)
    again = labels(work, tmp_path)
    # repr: a rating that nobody asked for is NaN, which equals nothing
    assert repr(again) == repr(first)


def test_votes_that_see_nobody_cannot_be_damaged(tmp_path: Path) -> None:
    empty = walker("walk", 1)
    clip = Clip(empty.clip.rows, empty.clip.joined, dict.fromkeys(empty.clip.votes, (None,)))
    nobody = KnownClip("toys", "nobody", clip, empty.truths)
    assert labels([(nobody, Spec("lag", 0.3))], tmp_path) == []


def test_each_source_is_labelled_by_its_own_fuse(tmp_path: Path) -> None:
    """Two of three teachers see the lower third: the majority shows it, and a lone expert decides otherwise."""
    split = walker("walk", 1)
    votes = split.clip.votes | {"c": walker("walk", 1, wrong=True).clip.votes["c"]}
    clip = Clip(split.clip.rows, split.clip.joined, votes)
    one, other = (KnownClip("toys", group, clip, split.truths) for group in ("one", "other"))
    lone = {name: Expertise(portrait=skill, figure=skill, distant=skill) for name, skill in (("a", 0.01), ("b", 0.01))}
    expert = CONFIG.model_copy(
        update={"fitted": "", "expertise": lone | {"c": Expertise(portrait=1, figure=1, distant=1)}}
    )
    found = labels([(one, Spec()), (other, Spec())], tmp_path, other=expert)
    ious = {label.group: label.example.iou for label in found if not label.teacher}
    assert ious["one"] > 0.95 > 0.8 > ious["other"]


def test_only_good_bursts_are_damaged(tmp_path: Path) -> None:
    clips = [walker("good", 1), walker("bad", 1, wrong=True)]
    found = labelled_for(clips, {"good": CONFIG, "bad": CONFIG}, side=96, cache=tmp_path)
    assert {one.group for one in found if one.spec.kind} == {"good"}
    assert [name.partition(":")[0] for name in good_bursts([one for one in found if one.natural])] == ["good"]


def test_a_view_is_told_from_its_frame_and_gets_each_error_of_a_region_at_every_size(tmp_path: Path) -> None:
    photo = walker("photo", 1)
    frame = replace(photo.clip.frames[0], name="0-portrait")
    view = replace(photo, clip=replace(photo.clip, rows=(frame,)), viewed=True)
    assert photo.name != view.name and photo.group == view.group
    kinds = {spec.kind for number in range(8) for spec in specs_for(view, number)}
    assert kinds == set(SIZES) - set(LASTING)
    for number in range(12):
        specs = specs_for(view, number)
        assert len(specs) == 10 and {spec.share for spec in specs} == {MOST}
        for kind in kinds - {"jagged_edge"}:
            assert sorted(spec.size for spec in specs if spec.kind == kind) == sorted(SIZES[kind])
    jagged = [spec.size for number in range(12) for spec in specs_for(view, number) if spec.kind == "jagged_edge"]
    assert set(jagged) == set(SIZES["jagged_edge"]), "their sizes take turns"
    assert [one.viewed for one in labels([(photo, Spec()), (view, Spec())], tmp_path)] == [False] * 4 + [True] * 4


def test_most_counts_and_one_and_all_are_there_too() -> None:
    burst, photo = walker("walk", 4), walker("photo", 1)
    for piece in (burst, photo):
        specs = [spec for number in range(12) for spec in specs_for(piece, number)]
        kinds = {spec.kind for spec in specs if spec.kind}
        assert kinds == set(SIZES)
        most = [spec for spec in specs if spec.share == MOST and spec.kind]
        assert {(spec.kind, spec.size) for spec in most} == {(kind, size) for kind in SIZES for size in SIZES[kind]}
        assert {spec.share for spec in specs} == {ONE, MOST, ALL}
    assert any(spec.pan for spec in specs) and not any(spec.pan for spec in specs_for(burst, 0))


def test_a_judge_fitted_on_labels_tells_them_apart(tmp_path: Path) -> None:
    clips = [walker(f"walk{index}", 3, wrong=index % 2 == 0) for index in range(8)]
    found = labels([(clip, Spec()) for clip in clips], tmp_path)
    judge = fit_on(found)
    assert judge.fitted_on == "toys: 96 natural labels, 0 with errors put in; 0 of all are of views"
    chances = {one.group: judge.probability(one.example.signals) for one in found if not one.teacher}
    assert chances["walk1"] > chances["walk0"]


def test_errors_that_fusion_repairs_may_be_injected_more_often() -> None:
    burst = walker("walk", 4)
    once, often = specs_for(burst, 1), specs_for(burst, 1, {"lag": 3, "jagged_edge": 2})
    assert set(once) < set(often)
    assert sum(spec.kind == "lag" and spec.share == MOST for spec in often) == 3 * len(SIZES["lag"])
    assert {spec.kind for spec in often if spec.draw} == {"lag", "jagged_edge"}
