"""Recipes: every random draw of a composited clip, written down, so that the clip can be made again byte for byte."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from pydantic import TypeAdapter

from stages.composite import Colour
from stages.degrade import Degradation
from stages.draws import Dice, RecipeConfig
from stages.effects import NO_EFFECTS, Effects
from stages.framing import Companion, Crop, Framing
from stages.trajectories import REST, Bend, Trajectory


@dataclass(frozen=True)
class Recipe:
    """Everything about a composited clip that was drawn at random.

    Attributes:
        seed: of the noise. frames: `time_us` of the person's frame behind every frame of the clip.
        background: `(source, time_us)` of the background; of a video, of its frame behind the clip's first.
        background_frames: `time_us` of the video's frame behind every frame of the clip; empty: a still is behind all.
        mirror_person, mirror_background: flipped left to right.
        framing, crop: what is seen of both. person, camera: how both move.
        shared: the camera moves the person too. bend: or None.
        background_blur: standard deviation in pixels, 0: sharp.
        person_colour, background_colour: changes of light.
        match: how far the person's light follows the background's, 0-1.
        degradation: of the finished picture.
        effects: light from behind, the shutter, the video codec.
        companion: a second person; or None.
    """

    seed: int
    frames: tuple[int, ...]
    background: tuple[str, int]
    mirror_person: bool
    mirror_background: bool
    framing: Framing
    crop: Crop
    person: Trajectory
    camera: Trajectory
    shared: bool
    bend: Bend | None
    background_blur: float
    person_colour: Colour
    background_colour: Colour
    match: float
    degradation: Degradation
    effects: Effects = NO_EFFECTS
    companion: Companion | None = None
    background_frames: tuple[int, ...] = ()

    @property
    def behind(self) -> tuple[int, ...]:
        """`time_us` of the background's frame behind every frame of the clip."""
        return self.background_frames or (self.background[1],) * len(self.frames)

    @property
    def times(self) -> tuple[int, ...]:
        """`time_us` of all frames of the burst that are shown, each once, in order."""
        own = self.companion is not None and not self.companion.source
        return tuple(sorted({*self.frames, *([self.companion.frame] if self.companion and own else [])}))

    @property
    def stranger(self) -> tuple[str, int] | None:
        """`(source, time_us)` of a companion from elsewhere, or None."""
        return (self.companion.source, self.companion.frame) if self.companion and self.companion.source else None

    def to_json(self) -> str:
        """One line of JSON; `from_json` gives an equal recipe."""
        return _ADAPTER.dump_json(self).decode()

    @staticmethod
    def from_json(text: str) -> Recipe:
        """The recipe of a `ClipRow`.

        Raises:
            pydantic.ValidationError: the text is no recipe; the message names the field.
        """
        return _ADAPTER.validate_json(text)


_ADAPTER = TypeAdapter(Recipe)
_LATER = 0x5EED
"""Draws that came into recipes later have dice of their own, and leave all others as they were."""
_VIDEO = 0xB0DE
"""The same for video backgrounds."""
_STRANGER = 0x57A6
"""The same for who a companion is."""
_DISTANCE = 0xD157
"""The same for how far off a whole person stands."""


def seed_of(salt: int, frame_key: tuple[str, int], index: int) -> int:
    """A 63-bit seed for the clip `index` of a burst, from the burst's first frame key and the configured seed alone."""
    digest = hashlib.sha256(f"{salt}/{frame_key[0]}/{frame_key[1]}/{index}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def draw(
    seed: int,
    config: RecipeConfig,
    *,
    length: int,
    runs: Sequence[Sequence[int]],
    backgrounds: Sequence[tuple[str, int]],
    videos: Sequence[Sequence[tuple[str, int]]] = (),
    strangers: Sequence[tuple[str, int, str]] = (),
) -> Recipe:
    """Draw a recipe: the same arguments always give the same recipe.

    Args:
        length: frames of the clip.
        runs: `time_us` of the usable frames of a burst, one sequence per stretch of consecutive frames. Real motion
            takes `length` consecutive frames of one run; if none is long enough, one frame is moved instead.
        backgrounds: keys of the stills to choose from.
        videos: those of the frames of video backgrounds, one sequence for each burst. Where there are both, a video is
            drawn now and then instead of the still; everything else is drawn as it would be with the still.
        strangers: `(source, time_us, subject)` of who may be the companion; else it is another frame of `runs`.

    Raises:
        ValueError: there is no frame or no background to draw.
    """
    if not any(runs) or not (backgrounds or videos):
        raise ValueError("a recipe needs at least one usable frame and one background")
    dice = Dice(seed, config)
    background = backgrounds[dice.index(len(backgrounds))] if backgrounds else videos[0][0]
    long_runs = [run for run in runs if len(run) >= length]
    real = dice.chance(config.real_motion_probability) and length > 1 and bool(long_runs)
    frames = dice.stretch(long_runs, length) if real else dice.still(runs, length)
    person = dice.trajectory(config.person_motion, dice.lean())
    bend = dice.bend() if dice.chance(config.bend_probability) else None
    if real:  # the person moves already: simulated motion would only be laid over it
        person = Trajectory(person.start, person.start)
        bend = bend and replace(bend, end=bend.start)
    recipe = Recipe(
        seed=seed,
        frames=frames,
        background=background,
        mirror_person=dice.chance(config.mirror_probability),
        mirror_background=dice.chance(config.mirror_probability),
        framing=dice.framing(),
        crop=dice.crop(),
        person=person,
        camera=dice.trajectory(config.camera_motion, REST),
        shared=dice.chance(config.shared_camera_probability),
        bend=bend,
        background_blur=dice.sometimes(config.background_blur_probability, config.background_blur, 0.0),
        person_colour=dice.colour(),
        background_colour=dice.colour(),
        match=dice.sometimes(config.match_probability, config.match_strength, 0.0),
        degradation=dice.degradation(),
    )
    later = Dice(seed ^ _LATER, config)  # apart, so that all other draws stay as they were
    times = [time for run in runs for time in run]
    framing = replace(recipe.framing, distance=Dice(seed ^ _DISTANCE, config).distance())
    recipe = replace(recipe, effects=later.effects(), companion=later.companion(times, framing), framing=framing)
    if recipe.companion:
        companion = Dice(seed ^ _STRANGER, config).stranger(recipe.companion, strangers)
        recipe = replace(recipe, companion=companion)
    return _before_video(recipe, Dice(seed ^ _VIDEO, config), config, videos, always=not backgrounds)


def _before_video(
    recipe: Recipe, dice: Dice, config: RecipeConfig, videos: Sequence[Sequence[tuple[str, int]]], *, always: bool
) -> Recipe:
    """Now and then, or always, the recipe with consecutive frames of a video behind the person."""
    chosen = dice.chance(config.background_video_probability) or always
    if not videos or not chosen:
        return recipe
    burst = videos[dice.index(len(videos))]
    frames = dice.video([time for _, time in burst], len(recipe.frames))
    return replace(recipe, background=(burst[0][0], frames[0]), background_frames=frames)
