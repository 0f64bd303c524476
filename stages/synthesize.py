"""Stage `synthesize`: curated people composited on other backgrounds, as short clips whose alpha is known."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import Field

from datasets.clips import Clip, read_clips
from datasets.images import Image, encode_jpeg, encode_png
from datasets.schema import GROUPS, BackgroundRow, ClipRow, CuratedRow
from datasets.shards import read_rows, shard_row_type
from stages.backgrounds import Background, backgrounds_of
from stages.base import Config, Drop, Fail, Stage
from stages.draws import RecipeConfig
from stages.people import Person, find_strangers, strangers_to
from stages.recipe import Recipe, draw, seed_of
from stages.render import render

_GAP = 1.5
"""Frames further apart than this many typical intervals are not consecutive: something between them was left out."""


class SynthesizeConfig(Config):
    """What clips are made of every curated burst."""

    width: int = Field(default=256, ge=16)
    height: int = Field(default=144, ge=16)
    frames: int = Field(default=4, ge=1)
    clips_per_burst: int = Field(default=3, ge=1)
    seed: int = 0
    jpeg_quality: int = Field(default=92, ge=1, le=100)
    min_person: float = Field(default=0.01, gt=0.0, lt=1.0)
    recipe: RecipeConfig = RecipeConfig()


@dataclass(frozen=True)
class Scene:
    """A curated burst, the backgrounds it may be put on and other people of its shard, in order of their frame keys."""

    clip: Clip
    plates: tuple[Background, ...]
    strangers: tuple[CuratedRow, ...] = ()


class Synthesize(Stage[Scene, ClipRow]):
    """Makes `clips_per_burst` clips of `frames` frames from every burst of the training and validation splits.

    A clip's split is its person's split, and its background is of the same split and of another source: no room,
    subject or video is ever seen on both sides. Each clip's draws depend on the configured seed, the burst's first
    frame key and the clip's index only, never on other bursts or clips, but for who stands behind the person. Frames of
    group `reject` and frames without a person are dropped; what a composite's label is worth: `stages.composite.over`.
    """

    name = "synthesize"
    consumes = (CuratedRow, BackgroundRow)
    produces = ClipRow
    libraries = ("numpy", "opencv-python-headless", "numba", "av")
    config: SynthesizeConfig

    def items(self, inputs: Sequence[Path]) -> Iterator[Scene]:
        """Bursts of the one `CuratedRow` shard among `inputs`, each with the backgrounds of all other shards."""
        curated = [path for path in inputs if shard_row_type(path) == CuratedRow.__name__]
        rows = [row for path in inputs if path not in curated for row in read_rows(path, BackgroundRow)]
        size = self.config.height, self.config.width
        plates = tuple(backgrounds_of(rows, size))
        wanted = self.config.recipe.companion_probability * self.config.recipe.stranger_probability > 0.0
        strangers = find_strangers(curated, least=self.config.min_person) if wanted else ()
        for clip in read_clips(curated, primary=CuratedRow):
            yield Scene(clip, plates, strangers)

    def size(self, item: Scene) -> int:
        return len(item.clip)

    def describe(self, item: Scene) -> str:
        rows = [row for row in item.clip.curated if row]
        return f"{rows[0].path} {item.clip.describe()}"

    def process(self, item: Scene) -> Iterable[ClipRow | Drop | Fail] | Drop:
        rows = [row for row in item.clip.curated if row]
        first = rows[0]
        if first.split == "test":
            return Drop("test_split")
        plates = {
            key: plate
            for plate in item.plates
            if plate.row.split == first.split and plate.row.source != first.source
            for key in plate.keys
        }
        if not plates:
            return Drop("no_background")
        return self._clips(rows, plates, item.strangers)

    def _clips(
        self, rows: Sequence[CuratedRow], plates: dict[tuple[str, int], Background], strangers: Sequence[CuratedRow]
    ) -> Iterator[ClipRow | Drop | Fail]:
        labelled = [Person(row) for row in rows if row.group != "reject"]
        people = {person.row.time_us: person for person in labelled if person.area >= self.config.min_person}
        if len(labelled) < len(rows):
            yield Drop("reject", len(rows) - len(labelled))
        if len(people) < len(labelled):
            yield Drop("no_person", len(labelled) - len(people))
        if not people:
            return
        runs = consecutive([row.time_us for row in rows], keep=people.keys())
        videos = [plate.keys for key, plate in plates.items() if plate.is_video and key == plate.keys[0]]
        others = strangers_to([person.row for person in people.values()], strangers)
        recipes = [
            draw(
                seed_of(self.config.seed, rows[0].frame_key, index),
                self.config.recipe,
                length=self.config.frames,
                runs=runs,
                backgrounds=[key for key, plate in plates.items() if not plate.is_video],
                videos=videos,
                strangers=[(*key, row.subject) for key, row in others.items()],
            )
            for index in range(self.config.clips_per_burst)
        ]
        for recipe in sorted(recipes, key=lambda recipe: recipe.frames[0]):
            stranger = Person(others[recipe.stranger]) if recipe.stranger else None
            yield self._clip(recipe, people, plates[recipe.background], stranger)

    def _clip(self, recipe: Recipe, people: dict[int, Person], plate: Background, stranger: Person | None) -> ClipRow:
        shown = {time: people[time] for time in recipe.times}
        rows = [person.row for person in (*shown.values(), *([stranger] if stranger else []))]
        first = people[recipe.frames[0]].row
        pixels = compose(recipe, shown, plate.pictures(recipe.behind), self.config, stranger)
        return ClipRow(
            source=first.source,
            clip=first.clip,
            burst=first.burst,
            time_us=first.time_us,
            seed=recipe.seed,
            recipe=recipe.to_json(),
            background=plate.row.source,
            background_path=plate.row.path,
            path=first.path,
            subject=first.subject,
            split=first.split,
            group=max((row.group for row in rows), key=GROUPS.index),
            quality=min(row.quality for row in rows),
            width=self.config.width,
            height=self.config.height,
            images=pixels.images,
            alphas=pixels.alphas,
            trusts=pixels.trusts,
            licences=sorted({*plate.row.licences, *(licence for row in rows for licence in row.licences)}),
        )


@dataclass(frozen=True)
class Encoded:
    """The frames of a clip as a `ClipRow` holds them: JPEGs, and 8-bit grey PNGs."""

    images: list[bytes]
    alphas: list[bytes]
    trusts: list[bytes]


def compose(
    recipe: Recipe,
    people: Mapping[int, Person],
    background: Mapping[int, Image],
    config: SynthesizeConfig,
    stranger: Person | None = None,
) -> Encoded:
    """Render and encode a clip: the same recipe, frames and background give the same bytes.

    Args:
        people: by `time_us`, those of `recipe.times`.
        background: by `time_us`, those of `recipe.behind`: `(H, W, 3)` uint8 RGB, all of one size.
        stranger: who stands behind, if the recipe says so.

    Raises:
        stages.render.RenderError: a frame is missing, or the recipe cannot be rendered.
    """
    cutouts = {time: person.cutout for time, person in people.items()}
    behind = stranger.cutout if stranger else None
    composites = render(recipe, cutouts, background, (config.height, config.width), stranger=behind)
    return Encoded(
        [encode_jpeg(frame.image, quality=config.jpeg_quality) for frame in composites],
        [encode_png(frame.alpha) for frame in composites],
        [encode_png(frame.trust) for frame in composites],
    )


def consecutive(times: Sequence[int], *, keep: Iterable[int]) -> list[list[int]]:
    """The times to keep, cut into runs of frames that follow each other with nothing left out between them.

    Args:
        times: `time_us` of all frames of a burst, in order. keep: those that may be used.
    """
    kept = set(keep)
    steps = [after - before for before, after in itertools.pairwise(times)]
    longest = _GAP * statistics.median(steps) if steps else 0.0
    runs: list[list[int]] = [[]]
    for index, time in enumerate(times):
        if time not in kept or (index and steps[index - 1] > longest):
            runs.append([])
        if time in kept:
            runs[-1].append(time)
    return [run for run in runs if run]
