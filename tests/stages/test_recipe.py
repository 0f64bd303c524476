from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from stages.draws import RecipeConfig
from stages.effects import Effects
from stages.recipe import Recipe, draw, seed_of

RUNS = [[0, 40, 80], [200, 240, 280, 320, 360, 400, 440]]
BACKGROUNDS = [("a", 0), ("b", 0), ("b", 7)]
CONFIG = RecipeConfig()


def _draw(seed: int, config: RecipeConfig = CONFIG, length: int = 4) -> Recipe:
    return draw(seed, config, length=length, runs=RUNS, backgrounds=BACKGROUNDS)


@given(st.integers(0, 2**63 - 1))
@settings(max_examples=100, deadline=None)
def test_a_recipe_survives_json_exactly_and_is_drawn_alike_again(seed: int) -> None:
    recipe = _draw(seed)
    assert Recipe.from_json(recipe.to_json()) == recipe == _draw(seed)


def test_different_seeds_give_different_recipes() -> None:
    assert len({_draw(seed).to_json() for seed in range(50)}) == 50
    assert {_draw(seed).background for seed in range(50)} == set(BACKGROUNDS)


def test_real_motion_shows_consecutive_frames_and_leaves_the_person_to_move_alone() -> None:
    always = RecipeConfig(real_motion_probability=1, turn_probability=0, bend_probability=1)
    for seed in range(30):
        recipe = _draw(seed, always)
        gaps = {after - before for before, after in zip(recipe.frames, recipe.frames[1:], strict=False)}
        assert gaps in ({40}, {80})
        assert recipe.frames[0] >= 200  # the only run that is long enough
        assert recipe.person.start == recipe.person.end
        assert recipe.bend is not None
        assert recipe.bend.start == recipe.bend.end


def test_simulated_motion_shows_one_frame_of_any_run() -> None:
    recipes = [_draw(seed, RecipeConfig(real_motion_probability=0)) for seed in range(100)]
    assert all(len(recipe.frames) == 4 and len(set(recipe.frames)) == 1 for recipe in recipes)
    assert {recipe.frames[0] for recipe in recipes} == {time for run in RUNS for time in run}


def test_runs_that_are_too_short_are_moved_by_simulation() -> None:
    assert len(set(_draw(3, RecipeConfig(real_motion_probability=1), length=9).frames)) == 1


@pytest.mark.parametrize(("runs", "backgrounds"), [([], [("a", 0)]), ([[]], [("a", 0)]), ([[1]], [])])
def test_nothing_to_draw_from_is_an_error(runs: list[list[int]], backgrounds: list[tuple[str, int]]) -> None:
    with pytest.raises(ValueError, match="at least one usable frame and one background"):
        draw(0, CONFIG, length=2, runs=runs, backgrounds=backgrounds)


def test_a_broken_recipe_names_the_field() -> None:
    with pytest.raises(ValidationError, match="seed"):
        Recipe.from_json(_draw(1).to_json().replace('"seed":1', '"seed":"x"'))


def test_a_seed_depends_on_every_part_of_its_key() -> None:
    seeds = {
        seed_of(salt, (source, time), index)
        for salt in (0, 1)
        for source in "ab"
        for time in (0, 9)
        for index in (0, 1)
    }
    assert len(seeds) == 16
    assert all(0 <= seed < 2**63 for seed in seeds)


def test_later_effects_leave_all_other_draws_alone() -> None:
    none = {f"{name}_probability": 0.0 for name in ("wrap", "shutter", "h264", "companion")}
    for seed in range(40):
        with_effects = _draw(seed, RecipeConfig(**dict.fromkeys(none, 1.0)))
        without = _draw(seed, RecipeConfig(**none))
        assert with_effects.effects.h264 and with_effects.companion
        assert without.effects == Effects() and without.companion is None
        assert replace(with_effects, effects=Effects(), companion=None) == without


def test_effects_come_as_often_as_configured_and_a_companion_stands_aside() -> None:
    recipes = [_draw(seed) for seed in range(1000)]
    shares = [
        sum(map(bool, values)) / 1000
        for values in zip(
            *((r.effects.wrap, r.effects.shutter, r.effects.h264, r.companion) for r in recipes), strict=True
        )
    ]
    assert shares == pytest.approx([0.15, 0.2, 0.15, 0.1], abs=0.04)
    for recipe in recipes:
        if recipe.companion:
            assert abs(recipe.companion.framing.position - recipe.framing.position) >= 0.3
            assert recipe.companion.frame in {time for run in RUNS for time in run}
            assert recipe.companion.frame in recipe.times


VIDEOS = [[("v", time) for time in range(0, 400, 40)], [("w", 7), ("w", 8), ("w", 9)]]


def test_video_backgrounds_leave_all_other_draws_alone() -> None:
    always = RecipeConfig(background_video_probability=1.0)
    for seed in range(40):
        still, video = (
            draw(seed, always, length=4, runs=RUNS, backgrounds=BACKGROUNDS, videos=videos) for videos in ([], VIDEOS)
        )
        assert still.background in BACKGROUNDS and still.background_frames == ()
        assert still.behind == (still.background[1],) * 4
        assert video.background[0] in "vw" and video.background[1] == video.background_frames[0]
        assert video.behind == video.background_frames
        assert replace(video, background=still.background, background_frames=()) == still


def test_videos_come_as_often_as_configured_and_always_where_there_is_nothing_else() -> None:
    def kinds(backgrounds: list[tuple[str, int]]) -> list[bool]:
        drawn = (draw(seed, CONFIG, length=4, runs=RUNS, backgrounds=backgrounds, videos=VIDEOS) for seed in range(400))
        return [bool(recipe.background_frames) for recipe in drawn]

    assert sum(kinds(BACKGROUNDS)) / 400 == pytest.approx(0.25, abs=0.06)
    assert all(kinds([]))


STRANGERS = [("x", 0, "xaver"), ("y", 0, "yvonne")]


def test_who_the_companion_is_leaves_all_other_draws_alone() -> None:
    always = RecipeConfig(companion_probability=1.0, stranger_probability=1.0)
    met = set()
    for seed in range(40):
        own, other = (
            draw(seed, always, length=4, runs=RUNS, backgrounds=BACKGROUNDS, strangers=strangers)
            for strangers in ([], STRANGERS)
        )
        assert own.companion and other.companion
        assert own.stranger is None and own.companion.frame in own.times
        assert (*(other.stranger or ()), other.companion.subject) in STRANGERS
        assert other.times == tuple(sorted(set(other.frames)))  # a stranger's times are of another source
        met.add(other.companion.subject)
        assert replace(other, companion=own.companion) == own
        assert other.companion.framing == own.companion.framing
        assert Recipe.from_json(other.to_json()) == other
    assert met == {"xaver", "yvonne"}


def test_strangers_come_as_often_as_configured() -> None:
    half = RecipeConfig(companion_probability=1.0, stranger_probability=0.5)
    drawn = [draw(seed, half, length=4, runs=RUNS, backgrounds=BACKGROUNDS, strangers=STRANGERS) for seed in range(200)]
    assert sum(recipe.stranger is not None for recipe in drawn) / 200 == pytest.approx(0.5, abs=0.1)


def test_companions_from_before_strangers_can_still_be_read() -> None:
    always = RecipeConfig(companion_probability=1.0, stranger_probability=1.0)
    old = json.loads(_draw(2, always).to_json())
    del old["companion"]["source"], old["companion"]["subject"]
    assert Recipe.from_json(json.dumps(old)) == _draw(2, always)


def test_recipes_from_before_the_effects_can_still_be_read() -> None:
    old = json.loads(_draw(2).to_json())
    del old["effects"], old["companion"], old["background_frames"]
    read = Recipe.from_json(json.dumps(old))
    assert (read.effects, read.companion, read.background_frames) == (Effects(), None, ())
