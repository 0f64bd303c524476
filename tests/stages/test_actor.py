from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stages.actor import Actor, Cutout, RenderError, reduced
from stages.draws import RecipeConfig
from stages.recipe import Recipe, draw
from stages.trajectories import Pose, Trajectory

SIZE = (72, 128)


def _cutout() -> Cutout:
    """A bust, cut off by the bottom."""
    y, x = np.mgrid[0:120, 0:160]
    alpha = np.where((x - 80) ** 2 / 40**2 + (y - 120) ** 2 / 90**2 < 1, 255, 0).astype(np.uint8)
    return Cutout(np.full((120, 160, 3), (200, 120, 90), np.uint8), alpha, np.full((120, 160), 255, np.uint8))


def _recipe(person: Trajectory) -> Recipe:
    still = RecipeConfig(bend_probability=0, colour_probability=0, shutter_probability=0, shared_camera_probability=0)
    return replace(draw(5, still, length=4, runs=[[0]], backgrounds=[("b", 0)]), person=person)


def _areas(person: Trajectory) -> list[int]:
    frames = Actor(_recipe(person), {0: _cutout()}, None, SIZE).frames()
    return [int((frame.alpha >= 128).sum()) for frame in frames]


def test_a_person_who_would_be_lost_moves_less_in_all_frames_alike() -> None:
    rest = _areas(Trajectory())
    assert len(set(rest)) == 1
    gone = _areas(Trajectory(Pose(), Pose(right=1.2)))
    assert min(gone) >= 0.5 * rest[0]
    assert gone[0] > gone[-1]  # calmed, not stopped


def test_a_person_who_is_zoomed_too_far_moves_less_too() -> None:
    assert max(_areas(Trajectory(Pose(), Pose(zoom=4.0)))) <= 1.6 * _areas(Trajectory())[0]


def test_light_is_only_followed_when_there_is_one() -> None:
    recipe = replace(_recipe(Trajectory()), match=0.8)
    dark = Actor(recipe, {0: _cutout()}, np.full(3, 0.1), SIZE).frames()[0]
    plain = Actor(recipe, {0: _cutout()}, None, SIZE).frames()[0]
    assert dark.rgba[..., :3].mean() < 0.8 * plain.rgba[..., :3].mean()
    np.testing.assert_array_equal(dark.alpha, plain.alpha)


def test_nobody_is_an_error_that_names_the_frames() -> None:
    nobody = _cutout()
    nobody.alpha[:] = 100
    with pytest.raises(RenderError, match=r"frames at \[0\] us"):
        Actor(_recipe(Trajectory()), {0: nobody}, None, SIZE)


def test_what_is_shown_small_is_averaged_over_whole_blocks() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    assert reduced(picture, 0.6) is picture
    assert reduced(picture, 0.5).shape == (20, 30, 3)
    np.testing.assert_allclose(reduced(picture, 0.5)[3, 4], picture[6:8, 8:10].mean(axis=(0, 1)), atol=0.51)
