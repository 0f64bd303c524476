"""Fitting: toy voters with known reliability."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from qa.metrics import iou
from stages.combiner import Combiner, fitted_bytes
from stages.strategies import weighted
from training.combiner_samples import Sample
from training.fit_combiner import FitConfig, FitError, fit_combiner

QUICK = FitConfig(side=32, steps=60, batch=4)


def toy(index: int) -> Sample:
    """A person-like blob; `left` is right in the left half of the frame only, `right` in the right half only."""
    rng = np.random.default_rng(index)
    truth = np.zeros((32, 32), np.uint8)
    cv2.ellipse(truth, (int(rng.integers(12, 20)), 16), (int(rng.integers(8, 12)), 13), 0, 0, 360, 255, -1)
    noise = cv2.GaussianBlur((rng.random((2, 32, 32)).transpose(1, 2, 0) * 255).astype(np.uint8), (0, 0), 3)
    wrong = [np.where(noise[..., layer] > 127, 255, 0).astype(np.uint8) for layer in range(2)]
    left, right = truth.copy(), truth.copy()
    left[:, 16:], right[:, :16] = wrong[0][:, 16:], wrong[1][:, :16]
    return Sample(
        group=str(index),
        collection="toys",
        teachers=("left", "right"),
        image=np.repeat(truth[..., None] // 2 + 60, 3, axis=2),
        votes=np.stack([left, right]),
        truth=truth,
        boxes=((0.0, 0.0, 1.0, 1.0),),
        scores=(0.9,),
        fits=(0.5, 0.5),
        ious=(0.7, 0.7),
    )


def test_what_each_teacher_is_good_at_is_learnt_and_holds_on_frames_not_seen() -> None:
    fitted = fit_combiner([toy(index) for index in range(24)], QUICK, fitted_on="toys", command="none")
    combiner = Combiner(fitted)
    before, after = [], []
    for index in range(100, 108):
        one = toy(index)
        scene = one.scene(fitted.card.expertise, edge_gain=4)
        before.append(iou(weighted(scene.votes, scene.weights), one.truth))
        after.append(iou(combiner(scene), one.truth))
    assert np.mean(after) > np.mean(before) + 0.1
    assert (fitted.card.frames, fitted.card.sources, fitted.card.slots) == (24, 24, ("left", "right"))


def test_with_a_strong_pull_the_weighted_mean_stays() -> None:
    stiff = QUICK.model_copy(update={"pull": 1e4, "steps": 20})
    fitted = fit_combiner([toy(index) for index in range(8)], stiff, fitted_on="toys", command="none")
    one = toy(100).scene(fitted.card.expertise, edge_gain=4)
    np.testing.assert_allclose(Combiner(fitted)(one), weighted(one.votes, one.weights), atol=0.05)


def test_same_samples_same_bytes() -> None:
    short = QUICK.model_copy(update={"steps": 3})
    files = [
        fitted_bytes(fit_combiner([toy(index) for index in range(4)], short, fitted_on="toys", command="none"))
        for _ in range(2)
    ]
    assert files[0] == files[1]


def test_nothing_to_fit_on_is_said() -> None:
    with pytest.raises(FitError, match="no frame with votes and a truth that shows a person"):
        fit_combiner([], QUICK, fitted_on="nothing", command="none")
