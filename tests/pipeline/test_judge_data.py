"""Labels with known errors: what is done to which burst, and that nothing is computed twice."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.clips import Clip
from datasets.images import encode_jpeg, encode_png
from datasets.schema import BoxRow, FrameRow, VoteRow
from pipeline.calibrate_judge import SIZES, calibrate_judge, good_bursts, labelled_for, specs_for
from pipeline.judge_data import KnownClip, Spec, cut, label_all
from qa.damage import ALL, MOST, ONE
from qa.judge import Judge
from stages.fuse import FuseConfig
from stages.matting import MattingConfig

CONFIG = FuseConfig(matting=MattingConfig(enabled=False))
"""Without matting: its kernels take a minute to compile, and the drawn person has no hair."""


def person(x: int) -> np.ndarray:
    mask = np.zeros((96, 128), np.uint8)
    cv2.ellipse(mask, (x, 56), (18, 36), 0, 0, 360, 255, -1)
    return mask


def known(name: str, frames: int, *, wrong: bool = False) -> KnownClip:
    """A person who walks before a textured wall; three teachers that are right, or wrong by a third of the person."""
    wall = np.random.default_rng(0).integers(60, 110, (96, 128, 1), np.uint8)
    rows, boxes, truths = [], [], []
    votes: dict[str, list[VoteRow]] = {"a": [], "b": [], "c": []}
    for index in range(frames):
        key = {"source": name, "clip": 0, "burst": 0, "time_us": index}
        mask = person(50 + 3 * index)
        image = np.where(mask[..., None] > 0, 200, wall).repeat(3, axis=2).astype(np.uint8)
        rows.append(
            FrameRow(
                **key, path=name, name=str(index), width=128, height=96, source_width=128, source_height=96,
                image=encode_jpeg(image), blur=9.0, duplicate=64.0, subject=name, licences=[], origin="", split="",
                role="footage", mask=b"", truth=b"",
            )
        )  # fmt: skip
        x, y, wide, high = cv2.boundingRect(mask)
        box = [x / 128, y / 96, (x + wide) / 128, (y + high) / 96]
        boxes.append(BoxRow(**key, boxes=[box], scores=[0.9], support=[2]))
        seen = mask.copy()
        if wrong:
            seen[60:] = 0
        for teacher, ballot in votes.items():
            ballot.append(VoteRow(**key, teacher=teacher, windows=[[0.0, 0.0, 1.0, 1.0]], maps=[encode_png(seen)]))
        truths.append(encode_png(mask))
    clip = Clip(tuple(rows), {BoxRow: tuple(boxes)}, {name: tuple(ballot) for name, ballot in votes.items()})
    return KnownClip("toys", name, clip, tuple(truths))


def test_bursts_are_cut_with_all_that_belongs_to_them() -> None:
    parts = list(cut(known("walk", 6), 4))
    assert [len(part.clip) for part in parts] == [4, 2]
    assert [len(part.truths) for part in parts] == [4, 2]
    assert [row.time_us for row in parts[1].clip.votes["b"]] == [4, 5]
    assert len({part.name for part in parts}) == 2


def test_natural_labels_are_the_fused_one_and_every_raw_vote(tmp_path: Path) -> None:
    found = label_all([(known("walk", 2), Spec())], CONFIG, side=96, cache=tmp_path, jobs=1)
    assert [(one.teacher, one.index) for one in found] == [(name, i) for name in ("", "a", "b", "c") for i in (0, 1)]
    assert all(one.example.good and one.natural for one in found)
    # A raw vote is judged by the other teachers.
    assert [one.example.signals["teachers"] for one in found] == [3, 3] + [2] * 6


@pytest.mark.parametrize("kind", ["missed_region", "over_segmentation", "lag"])
def test_damage_in_all_votes_spoils_the_label(kind: str, tmp_path: Path) -> None:
    work = [(known("walk", 4), Spec(kind, 0.4, ALL)), (known("walk", 4), Spec(kind, 0.4, ONE))]
    found = label_all(work, CONFIG, side=96, cache=tmp_path, jobs=1)
    assert np.mean([one.example.iou for one in found[:4]]) < 0.9
    assert np.mean([one.example.iou for one in found[4:]]) > np.mean([one.example.iou for one in found[:4]])
    assert not any(one.natural for one in found)


def test_what_was_computed_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = [(known("walk", 2), Spec()), (known("photo", 1), Spec("missed_region", 0.3, pan=True))]
    first = label_all(work, CONFIG, side=96, cache=tmp_path, jobs=1)
    monkeypatch.setattr("pipeline.judge_data.inject", None)
    monkeypatch.setattr("pipeline.judge_data.fused", None)
    again = label_all(work, CONFIG, side=96, cache=tmp_path, jobs=1)
    # repr: a rating that nobody asked for is NaN, which equals nothing
    assert repr(again) == repr(first)


def test_votes_that_see_nobody_cannot_be_damaged(tmp_path: Path) -> None:
    empty = known("walk", 1)
    clip = Clip(empty.clip.rows, empty.clip.joined, dict.fromkeys(empty.clip.votes, (None,)))
    nobody = KnownClip("toys", "nobody", clip, empty.truths)
    assert label_all([(nobody, Spec("lag", 0.3))], CONFIG, side=96, cache=tmp_path, jobs=1) == []


def test_only_good_bursts_are_damaged(tmp_path: Path) -> None:
    labelled = labelled_for([known("good", 3), known("bad", 3, wrong=True)], CONFIG, side=96, cache=tmp_path)
    assert {one.group for one in labelled if one.spec.kind} == {"good"}
    assert list(good_bursts([one for one in labelled if one.natural])) == ["good:0:0:0"]


def test_most_counts_and_one_and_all_are_there_too() -> None:
    burst, photo = known("walk", 4), known("photo", 1)
    for piece in (burst, photo):
        specs = [spec for number in range(12) for spec in specs_for(piece, number)]
        kinds = {spec.kind for spec in specs if spec.kind}
        assert kinds == set(SIZES)
        most = [spec for spec in specs if spec.share == MOST and spec.kind]
        assert {(spec.kind, spec.size) for spec in most} == {(kind, size) for kind in SIZES for size in SIZES[kind]}
        assert {spec.share for spec in specs} == {ONE, MOST, ALL}
    assert any(spec.pan for spec in specs) and not any(spec.pan for spec in specs_for(burst, 0))


def test_calibrate_writes_a_judge_that_tells_them_apart(tmp_path: Path) -> None:
    clips = [known(f"walk{index}", 3, wrong=index % 3 == 0) for index in range(6)]
    path = calibrate_judge(clips, CONFIG, side=96, cache=tmp_path / "cache", output=tmp_path / "judge.json")
    judge = Judge.read(path)
    assert "toys: " in judge.fitted_on
    natural = label_all([(clip, Spec()) for clip in clips[:2]], CONFIG, side=96, cache=tmp_path / "cache", jobs=1)
    chances = {one.group: judge.probability(one.example.signals) for one in natural if not one.teacher}
    assert chances["walk1"] > chances["walk0"]
