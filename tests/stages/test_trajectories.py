from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.trajectories import REST, Easing, Pose, Trajectory

EASINGS: list[Easing] = ["linear", "smooth", "accelerate", "decelerate"]


@pytest.mark.parametrize("easing", EASINGS)
@given(frames=st.integers(2, 12))
@settings(max_examples=8, deadline=None)
def test_every_easing_runs_from_start_to_end_without_turning_back(easing: Easing, frames: int) -> None:
    progress = Trajectory(easing=easing).progress(frames)
    assert (progress[0], progress[-1]) == (0.0, 1.0)
    assert (np.diff(progress) > 0).all()


def test_easings_are_slow_where_they_say() -> None:
    steps = {easing: np.diff(Trajectory(easing=easing).progress(9)) for easing in EASINGS}
    assert np.ptp(steps["linear"]) < 1e-12
    assert steps["accelerate"][0] < steps["accelerate"][-1]
    assert steps["decelerate"][0] > steps["decelerate"][-1]
    assert steps["smooth"].argmax() in (3, 4)


def test_a_pause_rests_and_then_goes_on() -> None:
    progress = Trajectory(pause=(0.25, 0.5)).progress(9)
    np.testing.assert_allclose(progress, [0, 0.125, 0.25, 0.25, 0.25, 0.375, 0.5, 0.625, 0.75])


def test_a_turn_goes_back_the_way_it_came() -> None:
    np.testing.assert_allclose(Trajectory(turn=0.5).progress(5), [0, 0.25, 0.5, 0.25, 0])


@given(st.sampled_from(EASINGS), st.floats(0, 0.6), st.floats(0, 0.4), st.floats(0.3, 1.0), st.integers(1, 10))
@settings(max_examples=60, deadline=None)
def test_progress_never_leaves_the_way(easing: Easing, begin: float, rest: float, turn: float, frames: int) -> None:
    progress = Trajectory(easing=easing, pause=(begin, begin + rest), turn=turn).progress(frames)
    assert progress.shape == (frames,)
    assert ((progress >= 0) & (progress <= 1)).all()


def test_poses_start_and_end_where_they_should_and_zoom_geometrically() -> None:
    start, end = Pose(right=0.1, zoom=1.0), Pose(right=0.3, rotation=10, zoom=4.0, shear=-2)
    poses = Trajectory(start, end).poses(3)
    assert poses[0] == start
    assert poses[2] == end
    assert poses[1] == Pose(right=pytest.approx(0.2), rotation=5, zoom=pytest.approx(2.0), shear=-1)


def test_a_calmed_trajectory_is_nearer_to_rest() -> None:
    way = Trajectory(Pose(right=0.2, zoom=4.0), Pose(down=-0.4), "smooth", (0.1, 0.2), 0.7)
    assert way.calmed(1.0) == way
    assert way.calmed(0.5).start == Pose(right=0.1, zoom=pytest.approx(2.0))
    assert (way.calmed(0.0).start, way.calmed(0.0).end) == (REST, REST)


def test_a_pose_moves_by_fractions_of_the_canvas_height() -> None:
    moved = Pose(right=0.5, down=0.25).matrix((7, 7), 100) @ (1, 2, 1)
    np.testing.assert_allclose(moved, (51, 27, 1))
