"""Samples of known truth: what is kept of them, how teachers are judged on them, how they are varied."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stages.combiner_planes import Scene
from stages.reliability import EXPERTISE, Shot
from training.combiner_samples import Sample, augmented, fit_expertise, make_sample

FIGURE = (0.25, 0.05, 0.75, 0.85)
DISTANT = (0.4, 0.4, 0.5, 0.6)


def sample(box: tuple[float, ...] = FIGURE, ious: tuple[float, ...] = (0.9, 0.8, 0.5), group: str = "g") -> Sample:
    truth = np.zeros((48, 64), np.uint8)
    truth[10:40, 20:44] = 255
    image = np.repeat(truth[..., None] // 2, 3, axis=2)
    return Sample(
        group=group,
        collection="set",
        teachers=("pose", "selfie", "u2netp"),
        image=image,
        votes=np.stack([truth, np.roll(truth, 4, axis=1), np.zeros_like(truth)]),
        truth=truth,
        boxes=(box,),
        scores=(0.9,),
        fits=(0.5, 0.4, 0.0),
        ious=ious,
    )


def test_a_sample_keeps_what_was_measured_at_full_size() -> None:
    one = sample()
    votes = one.votes.astype(np.float32) / 255
    scene = Scene(one.image, one.teachers, votes, np.full(3, 1 / 3, np.float32), one.boxes, one.scores, Shot(1, 0, 0))
    found = make_sample(scene, one.truth, group="g", collection="set", side=32)
    assert found.image.shape == (32, 32, 3) and found.votes.shape == (3, 32, 32) and found.truth.shape == (32, 32)
    assert found.ious[0] == 1 and found.ious[1] == pytest.approx(20 / 28) and found.ious[2] == 0
    assert found.fits[0] > found.fits[1] > found.fits[2] == 0


def test_expertise_is_the_inverse_error_by_kind_of_shot() -> None:
    figures = [sample(FIGURE, (0.99, 0.98, 0.89))] * 5
    distant = [sample(DISTANT, (0.59, 0.89, 0.59))] * 5
    table = fit_expertise([*figures, *distant])
    assert [table[name].figure for name in ("pose", "selfie", "u2netp")] == [1.0, 0.67, 0.17]
    assert [table[name].distant for name in ("pose", "selfie", "u2netp")] == [0.29, 1.0, 0.29]


def test_portraits_are_by_design_and_unseen_kinds_say_nothing() -> None:
    table = fit_expertise([sample(FIGURE)] * 5)
    assert {name: entry.portrait for name, entry in table.items()} == {
        name: EXPERTISE[name].portrait for name in ("pose", "selfie", "u2netp")
    }
    assert {entry.distant for entry in table.values()} == {0.5}


def test_weights_come_from_edge_fits_and_expertise() -> None:
    one = sample()
    scene = one.scene({}, edge_gain=4)
    assert scene.weights == pytest.approx(np.exp([2.0, 1.6, 0.0]) / np.exp([2.0, 1.6, 0.0]).sum())


def test_variants_keep_votes_truth_and_boxes_together() -> None:
    one, rng = sample(), np.random.default_rng(0)
    changed = 0
    for _ in range(60):
        other = augmented(one, rng)
        assert other.truth.shape == one.truth.shape and len(other.votes) == len(other.teachers) == len(other.fits)
        assert len(other.teachers) >= 2
        if "pose" in other.teachers:  # the perfect teacher stays perfect
            vote = other.votes[other.teachers.index("pose")]
            np.testing.assert_array_equal(vote, other.truth)
        rows, columns = np.nonzero(other.truth >= 128)
        ((x0, y0, x1, y1),) = other.boxes
        height, width = other.truth.shape
        middle = ((columns.min() + columns.max() + 1) / 2 / width, (rows.min() + rows.max() + 1) / 2 / height)
        assert x0 - 0.02 <= middle[0] <= x1 + 0.02 and y0 - 0.02 <= middle[1] <= y1 + 0.02
        changed += other is not one
    assert changed > 30


def test_a_mirrored_variant_is_mirrored_throughout() -> None:
    one = replace(sample(), boxes=((0.2, 0.1, 0.5, 0.9),))
    seeds = (np.random.default_rng(seed) for seed in range(200))
    mirrored = next(
        other
        for other in (augmented(one, rng) for rng in seeds)
        if other.boxes[0] == pytest.approx((0.5, 0.1, 0.8, 0.9)) and other.teachers == one.teachers
    )
    np.testing.assert_array_equal(mirrored.image, one.image[:, ::-1])
    np.testing.assert_array_equal(mirrored.votes, one.votes[:, :, ::-1])
