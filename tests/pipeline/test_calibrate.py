"""`autoroto calibrate`: which sources it sees, and what it fits."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from rich.console import Console

from datasets.clips import Clip
from datasets.images import decode_grey, encode_png
from pipeline.calibrate import FITS, Calibration, UnknownFitError, run_calibrate
from pipeline.calibration_data import known_bursts, viewed
from pipeline.folds import folds
from pipeline.judge_data import Labelled, Spec
from pipeline.params import load_params
from qa.examples import Example
from qa.judge import Judge
from stages.ingest import IngestConfig


def write_truth(root: Path) -> None:
    """Three photos of nothing alike in `photos`, a moving figure in `films/walk`."""
    grounds = [(0, 0, 0), (255, 255, 255), (0, 0, 0)]
    for folder, count, step in (("photos", 3, 0), ("films/walk", 9, 2)):
        parent = root / folder
        (parent / "images").mkdir(parents=True)
        (parent / "masks").mkdir()
        for index in range(count):
            mask = np.zeros((480, 640), np.uint8)
            mask[80:460, 200 + step * index : 360 + step * index] = 255
            ground = np.array((60, 60, 60) if step else grounds[index], np.uint8)
            picture = np.where(mask[..., None] > 0, np.uint8(200), ground)
            cv2.imwrite(str(parent / "images" / f"{index:03d}.png"), picture)
            cv2.imwrite(str(parent / "masks" / f"{index:03d}.png"), mask)


def test_a_photo_is_a_source_and_a_sequence_is_one(tmp_path: Path) -> None:
    write_truth(tmp_path)
    known = known_bursts(tmp_path, IngestConfig(burst_frames=4))
    groups = {name: {one.group for one in known if one.collection == name} for name in ("photos", "films")}
    assert len(groups["photos"]) == 3 and groups["films"] == {"films/walk"}


def test_views_stay_in_their_frames_group_and_come_again_the_same(tmp_path: Path) -> None:
    write_truth(tmp_path)
    known = known_bursts(tmp_path, IngestConfig(burst_frames=4))
    scene = encode_png(np.full((300, 400, 3), 90, np.uint8))
    found = viewed(known, [scene], seed=1)
    again = viewed(known[::-1], [scene], seed=1)
    assert {one.group for one in found} == {one.group for one in known}
    assert len(found) == 3 + 3  # three photos, and the first frame of each of the film's three bursts
    pictures = {one.burst.frames[0].image for one in found}
    assert pictures == {one.burst.frames[0].image for one in again}
    assert pictures != {one.burst.frames[0].image for one in viewed(known, [scene], seed=2)}
    for one in found:
        (frame,), (truth,) = one.burst.frames, one.burst.truths
        assert decode_grey(truth).shape == (frame.height, frame.width)


def test_an_unknown_fit_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(UnknownFitError, match=f"nothing called horoscope can be fitted; there are {', '.join(FITS)}"):
        run_calibrate(tmp_path, tmp_path, output=None, names=["horoscope"], console=Console())


def test_the_judge_is_fitted_on_labels_of_fuses_that_did_not_see_their_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_truth(tmp_path / "truth")
    asked: dict[str, object] = {}

    def cross_fits(known, names, dealt, params, cache, **rest):
        asked["names"] = names
        return {name: params.fuse.model_copy(update={"box_margin": 1.0 + index}) for index, name in enumerate(names)}

    def labelled_for(clips, configs, **rest):
        asked["gains"] = {clip.group: configs[clip.group].box_margin - 1.0 for clip in clips}
        asked["viewed"] = [clip.viewed for clip in clips]
        rng = np.random.default_rng(0)
        examples = [Example({"label_iou": iou}, iou, 0.9) for iou in rng.uniform(0.9, 1, 60)]
        return [
            Labelled("photos", f"photos/{index % 6}", "b", index, Spec(), "", example)
            for index, example in enumerate(examples)
        ]

    class Votes:
        def __init__(self, params, cache):
            pass

        def clip(self, frames):
            return Clip(frames)

    monkeypatch.setattr("pipeline.calibrate.cross_fits", cross_fits)
    monkeypatch.setattr("pipeline.calibrate.labelled_for", labelled_for)
    monkeypatch.setattr("pipeline.calibrate.Ensemble", Votes)
    monkeypatch.setattr("pipeline.calibrate.reserved_for_fitting", lambda: [np.full((300, 400, 3), 90, np.uint8)])
    params = load_params(Path(__file__).parents[2] / "params.yaml")
    given = Calibration(params, tmp_path / "truth", tmp_path / "cache", tmp_path / "out", 1, Console())
    path = FITS["judge"](given)
    assert path == tmp_path / "out" / "judge.json"
    judge = Judge.read(path)
    assert judge.probability({"label_iou": 0.99}) > 0.8 > 0.3 > judge.probability({"label_iou": 0.91})
    assert judge.fitted_on.startswith("photos: 60 natural labels")
    low, high = judge.expected_errors([{"label_iou": 0.99}, {"label_iou": 0.91}])
    assert low < 0.04 < 0.06 < high < 0.1  # labels of an error of 0 to 10 %
    # Held-out fits only, and every source's own: that of its fold.
    dealt = folds(known_bursts(tmp_path / "truth", params.ingest))
    assert asked["names"] == sorted({f"fold-{fold}" for fold in dealt.values()})
    assert asked["gains"] == {group: asked["names"].index(f"fold-{fold}") for group, fold in dealt.items()}
    assert sum(asked["viewed"]) >= 4
