from __future__ import annotations

import numpy as np
import pytest
from pydantic import ValidationError

from stages.draws import BEND_GRID, Dice, MotionConfig, RecipeConfig
from stages.trajectories import Pose

CERTAIN = RecipeConfig(
    pause_probability=1, turn_probability=1, colour_probability=1, noise_probability=1, jpeg_probability=1
)


def test_a_range_must_be_in_order() -> None:
    with pytest.raises(ValidationError, match="lowest, highest"):
        RecipeConfig(noise=(7.0, 1.0))


def test_a_distance_is_above_zero() -> None:
    with pytest.raises(ValidationError, match="above 0"):
        RecipeConfig.model_validate({"distance": [0.0, 2.0]})


def test_nobody_is_further_off_unless_asked() -> None:
    assert Dice(0, RecipeConfig(distance_probability=0)).distance() == 1.0


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(ValidationError, match="wobble"):
        RecipeConfig.model_validate({"wobble": 1})


@pytest.mark.parametrize("seed", range(20))
def test_draws_stay_within_their_ranges(seed: int) -> None:
    dice, config = Dice(seed, CERTAIN), CERTAIN
    framing, crop, colour, damage = dice.framing(), dice.crop(), dice.colour(), dice.degradation()
    for value, (low, high) in [
        (dice.distance(), config.distance),
        (framing.height, config.person_height),
        (framing.closeness, config.person_closeness),
        (framing.position, config.person_position),
        (crop.zoom, config.background_zoom),
        (colour.gamma, config.gamma),
        (colour.gain, config.gain),
        (colour.warmth, config.warmth),
        (damage.noise, config.noise),
        (damage.jpeg, config.jpeg),
    ]:
        assert low <= value <= high
    assert 0 <= crop.right <= 1
    assert 0 <= crop.down <= 1


@pytest.mark.parametrize("seed", range(20))
def test_a_swing_is_no_wider_than_configured_and_centred_on_its_base(seed: int) -> None:
    motion = MotionConfig(probability=1, translation=0.1, rotation=8, zoom=0.2, shear=3)
    base = Pose(rotation=5, shear=1)
    way = Dice(seed, CERTAIN).trajectory(motion, base)
    assert abs(way.end.right - way.start.right) <= 0.1 + 1e-4
    assert abs(way.end.rotation - way.start.rotation) <= 8 + 1e-4
    assert 1 / 1.2 - 1e-4 <= way.end.zoom / way.start.zoom <= 1.2 + 1e-4
    middle = way.start.toward(way.end, 0.5)
    assert (middle.rotation, middle.zoom, middle.shear) == pytest.approx((5, 1, 1), abs=1e-4)
    assert 0 <= way.pause[0] < way.pause[1] <= 1
    assert 0.4 <= way.turn <= 0.8


def test_without_motion_a_trajectory_rests_at_its_base() -> None:
    base = Pose(rotation=5)
    way = Dice(1, CERTAIN).trajectory(MotionConfig(probability=0), base)
    assert (way.start, way.end) == (base, base)


def test_control_points_lie_in_different_cells() -> None:
    rows, columns = BEND_GRID
    bend = Dice(4, RecipeConfig(bend_sigma=0.05)).bend()
    cells = {(int(x * columns), int(y * rows)) for x, y in bend.points}
    assert len(cells) == len(bend.points) == rows * columns
    assert np.abs(bend.start).max() <= 0.1
    assert bend.start != bend.end


def test_a_stretch_is_consecutive_at_single_or_double_speed_either_way() -> None:
    steps = set()
    for seed in range(60):
        frames = Dice(seed, RecipeConfig(turn_probability=0.5)).stretch([[0, 1], list(range(10, 18))][1:], 4)
        steps |= set(np.diff(frames))
        assert len(set(np.diff(frames))) == 1
        assert set(frames) <= set(range(10, 18))
    assert steps == {1, 2, -1, -2}


def test_still_frames_come_from_every_run() -> None:
    assert {Dice(seed, CERTAIN).still([[1], [5, 6]], 3) for seed in range(40)} == {(1,) * 3, (5,) * 3, (6,) * 3}
