"""The combiner's answer: from preferences and a residual to one map; its file; its fallback."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from stages.combiner import (
    BOUND,
    Combiner,
    CombinerCard,
    CombinerError,
    Fitted,
    combined,
    fitted_bytes,
    gated,
    read_fitted,
)
from stages.combiner_graph import CONVOLUTIONS
from stages.combiner_planes import Scene, plane_count
from stages.reliability import Expertise, Shot
from stages.strategies import weighted

SLOTS = ("pose", "selfie")
HEIGHT, WIDTH = 40, 60


def scene(teachers: tuple[str, ...] = SLOTS, seed: int = 0) -> Scene:
    rng = np.random.default_rng(seed)
    weights = rng.uniform(0.5, 1, len(teachers)).astype(np.float32)
    return Scene(
        rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8),
        teachers,
        rng.uniform(0.05, 0.95, (len(teachers), HEIGHT, WIDTH)).astype(np.float32),
        weights / weights.sum(),
        [(0.2, 0.1, 0.8, 1.0)],
        [0.9],
        Shot(1, 0, 0),
    )


def tensors(scale: float, seed: int = 0) -> dict[str, np.ndarray]:
    """Small random weights for two slots."""
    rng = np.random.default_rng(seed)
    channels = dict.fromkeys(CONVOLUTIONS, (4, 4)) | {
        "down1": (plane_count(2), 4), "up3": (8, 4), "up2": (8, 4), "up1": (8, 4),
        "pixel": (4 + plane_count(2), 4), "answer": (4, 3),
    }  # fmt: skip
    found = {}
    for name, (entering, leaving) in channels.items():
        kernel = CONVOLUTIONS[name][0]
        found[f"{name}.weight"] = rng.normal(0, 0.3, (leaving, entering, kernel, kernel)).astype(np.float32)
        found[f"{name}.bias"] = rng.normal(0, 0.3, leaving).astype(np.float32)
    for part in ("weight", "bias"):
        found[f"answer.{part}"] *= np.float32(scale)
    return found


def fitted(scale: float = 1.0) -> Fitted:
    card = CombinerCard(
        slots=SLOTS, side=64, expertise={"pose": Expertise()}, fitted_on="toys", frames=1, sources=1, command="none"
    )
    return Fitted(card, tensors(scale))


def test_gating_by_hand() -> None:
    votes = np.array([[[1.0]], [[0.0]]], np.float32)
    weights = np.array([0.25, 0.75], np.float32)
    preferences = np.array([[[np.log(3.0)]], [[0.0]]], np.float32)
    assert gated(votes, weights, preferences)[0, 0] == pytest.approx(0.5)  # 0.25 x 3 against 0.75


def test_an_answer_of_zero_is_the_weighted_mean() -> None:
    one = scene()
    np.testing.assert_allclose(
        combined(one, SLOTS, np.zeros((3, HEIGHT, WIDTH), np.float32)), weighted(one.votes, one.weights), atol=1e-6
    )


def test_what_all_teachers_are_sure_of_stays_so_without_a_residual() -> None:
    for sure in (0.0, 1.0):
        one = replace(scene(), votes=np.full((2, HEIGHT, WIDTH), sure, np.float32))
        found = combined(one, SLOTS, np.zeros((3, HEIGHT, WIDTH), np.float32))
        np.testing.assert_allclose(found, sure, atol=1e-6)


def test_a_preference_chooses_a_teacher_where_it_is_given() -> None:
    one = scene()
    answer = np.zeros((3, HEIGHT, WIDTH), np.float32)
    answer[1, :, :30] = 100
    found = combined(one, SLOTS, answer)
    odds = one.weights[0] / one.weights[1] * np.exp(-BOUND)
    np.testing.assert_allclose(found[:, :30], (one.votes[1] + odds * one.votes[0])[:, :30] / (1 + odds), atol=1e-5)
    np.testing.assert_allclose(found[:, 30:], weighted(one.votes, one.weights)[:, 30:], atol=1e-6)


def test_a_residual_moves_the_logit_and_is_bounded() -> None:
    one = replace(scene(), votes=np.full((2, HEIGHT, WIDTH), 0.5, np.float32))
    answer = np.zeros((3, HEIGHT, WIDTH), np.float32)
    answer[2] = 1e6
    np.testing.assert_allclose(combined(one, SLOTS, answer), 1 / (1 + np.exp(-BOUND)), atol=1e-6)


def test_strangers_alone_are_their_weighted_mean_whatever_the_network_says() -> None:
    one = scene(("anna", "bert", "carl"))
    np.testing.assert_allclose(Combiner(fitted())(one), weighted(one.votes, one.weights), atol=1e-5)


def test_the_less_the_network_knows_the_teachers_the_less_its_residual_counts() -> None:
    one = replace(scene(("pose", "stranger")), votes=np.full((2, HEIGHT, WIDTH), 0.5, np.float32))
    answer = np.zeros((3, HEIGHT, WIDTH), np.float32)
    answer[2] = 1
    expected = 1 / (1 + np.exp(-one.weights[0] * BOUND * np.tanh(1 / BOUND)))
    np.testing.assert_allclose(combined(one, SLOTS, answer), expected, atol=1e-5)


def test_the_order_of_teachers_does_not_matter() -> None:
    one, combiner = scene(("pose", "selfie", "stranger")), Combiner(fitted())
    order = [1, 2, 0]
    other = replace(
        one, teachers=[one.teachers[index] for index in order], votes=one.votes[order], weights=one.weights[order]
    )
    np.testing.assert_allclose(combiner(other), combiner(one), atol=1e-5)


@pytest.mark.parametrize("size", [(40, 60), (61, 33), (16, 16), (3, 200)])
def test_frames_of_any_size(size: tuple[int, int]) -> None:
    one = scene()
    image = np.zeros((*size, 3), np.uint8)
    found = Combiner(fitted())(replace(one, image=image, votes=np.zeros((2, *size), np.float32)))
    assert found.shape == size and np.isfinite(found).all() and found.min() >= 0 and found.max() <= 1


def test_same_scene_same_bytes() -> None:
    one = scene()
    assert Combiner(fitted())(one).tobytes() == Combiner(fitted())(one).tobytes()


def test_a_fitted_file_comes_back_as_it_was_written(tmp_path: Path) -> None:
    one = fitted()
    path = tmp_path / "mine.safetensors"
    path.write_bytes(fitted_bytes(one))
    again = read_fitted(path)
    assert again.card == one.card
    assert {name: values.tobytes() for name, values in again.tensors.items()} == {
        name: values.tobytes() for name, values in one.tensors.items()
    }
    assert fitted_bytes(again) == path.read_bytes()


def test_a_missing_and_a_foreign_file_are_named_with_the_cure(tmp_path: Path) -> None:
    with pytest.raises(CombinerError, match=r"gone\.safetensors: no such file; `autoroto calibrate"):
        read_fitted(tmp_path / "gone.safetensors")
    (tmp_path / "other").write_bytes(b"not tensors")
    with pytest.raises(CombinerError, match=r"other: not a fitted combiner"):
        read_fitted(tmp_path / "other")


def test_missing_tensors_are_named() -> None:
    one = fitted()
    lacking = {name: values for name, values in one.tensors.items() if name != "up2.bias"}
    with pytest.raises(ValueError, match=r"lack up2\.bias"):
        Combiner(Fitted(one.card, lacking))
