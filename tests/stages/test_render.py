from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stages.actor import Cutout, RenderError
from stages.composite import Colour, Composite
from stages.degrade import Degradation
from stages.draws import MotionConfig, RecipeConfig
from stages.effects import Effects
from stages.framing import Companion, Crop, Framing
from stages.recipe import Recipe, draw
from stages.render import fit_background, render
from stages.trajectories import Pose, Trajectory

SIZE = (72, 128)
PLAIN = Recipe(
    seed=1,
    frames=(0, 0, 0),
    background=("b", 0),
    mirror_person=False,
    mirror_background=False,
    framing=Framing(0.8, 1.0, 0.5),
    crop=Crop(1.0, 0.5, 0.5),
    person=Trajectory(),
    camera=Trajectory(),
    shared=False,
    bend=None,
    background_blur=0.0,
    person_colour=Colour(),
    background_colour=Colour(),
    match=0.0,
    degradation=Degradation(),
)
WILD = RecipeConfig(
    real_motion_probability=0,
    person_motion=MotionConfig(probability=1, translation=0.5, rotation=40, zoom=0.6, shear=15),
    camera_motion=MotionConfig(probability=1, translation=0.5, rotation=20, zoom=0.5, shear=5),
    bend_probability=0.5,
    bend_sigma=0.05,
    colour_probability=0,
    match_probability=0,
    noise_probability=0,
    jpeg_probability=0,
    sharpen_probability=0,
)


def _cutout(colour: int | tuple[int, int, int] = (200, 120, 90), *, shift: int = 0, trust: int = 255) -> Cutout:
    """Head and shoulders, cut off by the bottom of a 4:3 frame."""
    y, x = np.mgrid[0:120, 0:160]
    head = (x - 80 - shift) ** 2 / 18**2 + (y - 45) ** 2 / 25**2 < 1
    body = (x - 80 - shift) ** 2 / 45**2 + (y - 120) ** 2 / 52**2 < 1
    alpha = np.where(head | body, 255, 0).astype(np.uint8)
    return Cutout(np.full((120, 160, 3), colour, np.uint8), alpha, np.full((120, 160), trust, np.uint8))


def _gradient() -> np.ndarray:
    y, x = np.mgrid[0:90, 0:200]
    return np.stack([x, y * 2, 255 - x], axis=2).astype(np.uint8)


def test_nothing_moves_without_motion_and_the_person_stands_on_the_bottom() -> None:
    frames = render(PLAIN, {0: _cutout()}, _gradient(), SIZE)
    assert len(frames) == 3
    for frame in frames[1:]:
        np.testing.assert_array_equal(frame.image, frames[0].image)
    first = frames[0]
    assert first.image.shape == (*SIZE, 3)
    assert first.alpha.shape == first.trust.shape == SIZE
    rows = np.flatnonzero((first.alpha > 127).any(axis=1))
    assert rows[-1] == 71
    assert (71 - rows[0] + 1) / 72 == pytest.approx(0.8, abs=0.03)
    np.testing.assert_array_equal(first.image[first.alpha == 255][0], (200, 120, 90))


def test_background_pixels_are_the_backgrounds_own() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (*SIZE, 3), dtype=np.uint8)
    frame = render(PLAIN, {0: _cutout()}, picture, SIZE)[0]
    nobody = frame.alpha == 0
    np.testing.assert_array_equal(frame.image[nobody], picture[nobody])
    assert (frame.trust[nobody] == 255).all()


def test_trust_is_the_labels_inside_and_full_outside() -> None:
    frame = render(PLAIN, {0: _cutout(trust=60)}, _gradient(), SIZE)[0]
    assert (frame.trust[frame.alpha == 255] == 60).all()
    assert (frame.trust[frame.alpha == 0] == 255).all()


@given(st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_white_on_white_stays_white_however_wildly_it_moves(seed: int) -> None:
    """No seam, no dark or light edge, no padding can come from anywhere."""
    recipe = draw(seed, WILD, length=3, runs=[[0]], backgrounds=[("b", 0)])
    for frame in render(recipe, {0: _cutout(255)}, np.full((100, 150, 3), 255, np.uint8), SIZE):
        assert frame.image.min() >= 250
        assert (frame.alpha[-1] > 127).any()  # head and shoulders never float


@given(st.integers(0, 2**32))
@settings(max_examples=10, deadline=None)
def test_the_same_recipe_gives_the_same_pixels(seed: int) -> None:
    recipe = draw(seed, RecipeConfig(noise_probability=1), length=3, runs=[[0, 1, 2]], backgrounds=[("b", 0)])
    cutouts = {time: _cutout(shift=time * 4) for time in range(3)}
    for one, other in zip(
        render(recipe, cutouts, _gradient(), SIZE), render(recipe, cutouts, _gradient(), SIZE), strict=True
    ):
        np.testing.assert_array_equal(one.image, other.image)
        np.testing.assert_array_equal(one.alpha, other.alpha)
        np.testing.assert_array_equal(one.trust, other.trust)


def test_noise_is_new_in_every_frame_and_spares_the_alpha() -> None:
    noisy = replace(PLAIN, degradation=Degradation(noise=6.0))
    first, second, _ = render(noisy, {0: _cutout()}, _gradient(), SIZE)
    assert (first.image != second.image).mean() > 0.5
    np.testing.assert_array_equal(first.alpha, second.alpha)


def test_real_frames_move_the_person_and_not_the_background() -> None:
    recipe = replace(PLAIN, frames=(0, 1, 2))
    frames = render(recipe, {time: _cutout(shift=10 * time) for time in range(3)}, _gradient(), SIZE)
    middles = [np.flatnonzero((frame.alpha > 127).any(axis=0)).mean() for frame in frames]
    steps = np.diff(middles)
    assert (steps > 3).all()
    assert abs(steps[0] - steps[1]) < 1
    np.testing.assert_array_equal(frames[0].image[:10, :10], frames[2].image[:10, :10])


COLOURS = {0: (255, 0, 0), 40: (0, 255, 0), 80: (0, 0, 255)}


def test_the_frames_of_a_video_are_behind_the_person_in_order() -> None:
    pictures = {time: np.full((90, 160, 3), colour, np.uint8) for time, colour in COLOURS.items()}
    behind = replace(PLAIN, background_frames=(40, 80, 0))
    frames = render(behind, {0: _cutout()}, pictures, SIZE)
    for frame, time in zip(frames, (40, 80, 0), strict=True):
        assert {tuple(colour) for colour in frame.image[frame.alpha == 0].tolist()} == {COLOURS[time]}
        np.testing.assert_array_equal(frame.alpha, frames[0].alpha)


def test_the_light_of_a_video_is_that_of_its_first_frame() -> None:
    dark, bright = (np.full((90, 160, 3), value, np.uint8) for value in (20, 230))
    matched = replace(PLAIN, match=0.8, background_frames=(0, 40, 40))
    video = render(matched, {0: _cutout()}, {0: dark, 40: bright}, SIZE)
    still = render(replace(matched, background_frames=()), {0: _cutout()}, dark, SIZE)
    sure = still[0].alpha == 255
    for frame in video:
        np.testing.assert_array_equal(frame.image[sure], still[0].image[sure])


def test_frames_of_a_video_that_are_missing_or_of_several_sizes_are_an_error() -> None:
    video = replace(PLAIN, background_frames=(0, 40, 0))
    with pytest.raises(RenderError, match=r"background at \[40\] us, which was not given"):
        render(video, {0: _cutout()}, {0: _gradient()}, SIZE)
    with pytest.raises(RenderError, match=r"at \[0, 40\] us differ in size"):
        render(video, {0: _cutout()}, {0: _gradient(), 40: _gradient()[:, :150]}, SIZE)


STRANGER = Companion(0, False, Framing(0.6, 1.0, 0.85), source="x", subject="xaver")


def test_a_stranger_of_another_size_stands_behind() -> None:
    y, x = np.mgrid[0:50, 0:70]
    alpha = np.where((x < 30) & (y > 10), 255, 0).astype(np.uint8)  # cut off at the left and at the bottom
    stranger = Cutout(np.full((50, 70, 3), (20, 200, 20), np.uint8), alpha, np.full((50, 70), 90, np.uint8))
    recipe = replace(PLAIN, companion=STRANGER)
    alone = render(PLAIN, {0: _cutout()}, _gradient(), SIZE)[0]
    both = render(recipe, {0: _cutout()}, _gradient(), SIZE, stranger=stranger)[0]
    person, added = alone.alpha == 255, (alone.alpha == 0) & (both.alpha == 255)
    np.testing.assert_array_equal(both.image[person], alone.image[person])
    assert added.sum() > 100
    assert {tuple(colour) for colour in both.image[added].tolist()} == {(20, 200, 20)}
    assert set(both.trust[added].tolist()) == {90}


def test_a_stranger_who_was_not_given_is_an_error() -> None:
    with pytest.raises(RenderError, match="somebody of x, who was not given"):
        render(replace(PLAIN, companion=STRANGER), {0: _cutout()}, _gradient(), SIZE)


def test_a_shared_camera_moves_both_and_an_own_one_the_background_only() -> None:
    pan = replace(PLAIN, camera=Trajectory(Pose(), Pose(right=0.1)), crop=Crop(1.5, 0.5, 0.5))
    alone = render(pan, {0: _cutout()}, _gradient(), SIZE)
    shared = render(replace(pan, shared=True), {0: _cutout()}, _gradient(), SIZE)
    np.testing.assert_array_equal(alone[0].alpha, alone[2].alpha)
    assert (alone[0].image[:8] != alone[2].image[:8]).any()
    moved = np.argwhere(shared[2].alpha > 127)[:, 1].mean() - np.argwhere(shared[0].alpha > 127)[:, 1].mean()
    assert moved == pytest.approx(7.2, abs=0.5)


def test_mirroring_flips_person_and_background_each() -> None:
    person = _cutout(shift=25)
    plain = replace(PLAIN, framing=Framing(0.8, 1.0, 0.5))
    one = render(plain, {0: person}, _gradient(), SIZE)[0]
    other = render(replace(plain, mirror_person=True, mirror_background=True), {0: person}, _gradient(), SIZE)[0]
    difference = np.abs(one.image[:, ::-1].astype(int) - other.image)
    assert np.median(difference) <= 1
    assert difference.mean() < 2


def test_a_motion_that_would_lose_the_person_is_calmed() -> None:
    gone = replace(PLAIN, person=Trajectory(Pose(), Pose(right=3.0)))
    frames = render(gone, {0: _cutout()}, _gradient(), SIZE)
    areas = [(frame.alpha > 127).sum() for frame in frames]
    assert min(areas) >= 0.5 * areas[0]


def test_exposure_match_darkens_a_person_in_a_dark_room() -> None:
    dark = np.full((90, 160, 3), 30, np.uint8)
    plain, matched = (render(replace(PLAIN, match=m), {0: _cutout()}, dark, SIZE)[0] for m in (0.0, 0.7))
    inside = plain.alpha == 255
    assert matched.image[inside].mean() < 0.85 * plain.image[inside].mean()
    np.testing.assert_array_equal(matched.alpha, plain.alpha)


def test_large_backgrounds_are_fitted_once_and_for_all() -> None:
    large = np.random.default_rng(5).integers(0, 255, (501, 703, 3), dtype=np.uint8)
    fitted = fit_background(large, SIZE)
    assert fitted.shape == (182, 256, 3)
    assert fit_background(fitted, SIZE) is fitted
    np.testing.assert_array_equal(
        render(PLAIN, {0: _cutout()}, large, SIZE)[0].image, render(PLAIN, {0: _cutout()}, fitted, SIZE)[0].image
    )


def test_missing_frames_and_empty_labels_are_named() -> None:
    with pytest.raises(RenderError, match=r"\[5\] us"):
        render(replace(PLAIN, frames=(0, 5)), {0: _cutout()}, _gradient(), SIZE)
    nobody = _cutout()
    nobody.alpha[:] = 100
    with pytest.raises(RenderError, match="no person"):
        render(PLAIN, {0: nobody}, _gradient(), SIZE)


def test_a_moving_shutter_smears_the_person_along_the_motion_and_the_alpha_with_it() -> None:
    pan = replace(PLAIN, person=Trajectory(Pose(right=-0.1), Pose(right=0.1)))
    sharp = render(pan, {0: _cutout()}, _gradient(), SIZE)
    smeared = render(replace(pan, effects=Effects(shutter=1.0)), {0: _cutout()}, _gradient(), SIZE)

    def soft(frame: Composite) -> int:
        return int(((frame.alpha > 5) & (frame.alpha < 250)).sum())

    assert soft(smeared[0]) > 2 * soft(sharp[0])
    middles = [[np.average(np.arange(128), weights=frame.alpha.sum(axis=0)) for frame in f] for f in (sharp, smeared)]
    step = middles[0][1] - middles[0][0]
    assert middles[1][0] - middles[0][0] == pytest.approx(step / 2, abs=0.3)  # the mean of the way to the next frame
    assert (smeared[0].alpha[-1] > 127).any()


def test_a_person_who_stands_still_is_not_smeared() -> None:
    sharp = render(PLAIN, {0: _cutout()}, _gradient(), SIZE)
    open_shutter = render(replace(PLAIN, effects=Effects(shutter=1.0)), {0: _cutout()}, _gradient(), SIZE)
    np.testing.assert_array_equal(sharp[1].image, open_shutter[1].image)


@given(st.integers(0, 2**32))
@settings(max_examples=30, deadline=None)
def test_effects_make_no_seam_of_white_on_white_and_keep_border_contact(seed: int) -> None:
    config = WILD.model_copy(
        update={
            "shutter_probability": 1.0,
            "wrap_probability": 1.0,
            "companion_probability": 0.5,
            "h264_probability": 0,
        }
    )
    recipe = draw(seed, config, length=3, runs=[[0]], backgrounds=[("b", 0)])
    for frame in render(recipe, {0: _cutout(255)}, np.full((100, 150, 3), 255, np.uint8), SIZE):
        assert frame.image.min() >= 248
        assert (frame.alpha[-1] > 127).any()


def test_light_from_behind_changes_the_rim_only_and_never_the_alpha() -> None:
    white = np.full((90, 160, 3), 255, np.uint8)
    plain, lit = (
        render(replace(PLAIN, effects=Effects(wrap=wrap)), {0: _cutout()}, white, SIZE)[0] for wrap in (0.0, 0.9)
    )
    np.testing.assert_array_equal(plain.alpha, lit.alpha)
    changed = (plain.image != lit.image).any(axis=2)
    assert changed.any()
    assert not changed[plain.alpha == 0].any()
    assert not changed[60:, 60:68].any()  # the middle of the body


def test_a_companion_stands_behind_and_the_alpha_is_of_both() -> None:
    people = {0: _cutout((200, 120, 90), trust=255), 7: _cutout((40, 200, 40), trust=60)}
    two = replace(PLAIN, companion=Companion(7, False, Framing(0.6, 1.0, 0.85)))
    alone, both = render(PLAIN, people, _gradient(), SIZE)[0], render(two, people, _gradient(), SIZE)[0]
    assert two.times == (0, 7)
    added = (both.alpha == 255) & (alone.alpha == 0)
    assert added.sum() > 300
    assert (np.abs(both.image[added].astype(int) - (40, 200, 40)) <= 1).all()
    assert (both.trust[added] == 60).all()
    front = alone.alpha == 255
    np.testing.assert_array_equal(both.image[front], alone.image[front])
    assert (both.trust[front] == 255).all()  # who is hidden is not doubted
    assert (both.alpha >= alone.alpha).all()
    with pytest.raises(RenderError, match=r"\[7\] us"):
        render(two, {0: people[0]}, _gradient(), SIZE)


def test_a_codec_changes_pictures_and_not_alphas() -> None:
    plain, coded = (
        render(replace(PLAIN, effects=Effects(h264=h264)), {0: _cutout()}, _gradient(), SIZE)[1] for h264 in (0, 36)
    )
    assert (plain.image != coded.image).any()
    np.testing.assert_array_equal(plain.alpha, coded.alpha)


@given(st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_strangers_of_any_shape_and_size_can_be_placed_and_make_no_seam(seed: int) -> None:
    """A rectangle of a person that any sides of its picture may cut off, white before white."""
    dice = np.random.default_rng(seed)
    height, width = (int(side) for side in dice.integers(40, 160, 2))
    left, top = (int(dice.integers(0, side - 12)) for side in (width, height))
    alpha = np.zeros((height, width), np.uint8)
    alpha[top : int(dice.integers(top + 12, height + 1)), left : int(dice.integers(left + 12, width + 1))] = 255
    stranger = Cutout(np.full((height, width, 3), 255, np.uint8), alpha, np.full_like(alpha, 255))
    config = WILD.model_copy(update={"companion_probability": 1.0})
    recipe = draw(seed, config, length=3, runs=[[0]], backgrounds=[("b", 0)], strangers=[("x", 0, "xaver")])
    white = np.full((100, 150, 3), 255, np.uint8)
    for frame in render(recipe, {0: _cutout(255)}, white, SIZE, stranger=stranger):
        assert frame.image.min() >= 248
        assert (frame.alpha[-1] > 127).any()
