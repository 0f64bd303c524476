"""Audits of composited clips: nothing is in two splits, and every clip can be made again bit for bit from its row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from datasets.images import decode_rgb
from datasets.schema import BackgroundRow, ClipRow, CuratedRow
from stages.framing import Companion
from stages.people import Person
from stages.recipe import Recipe
from stages.synthesize import Encoded, SynthesizeConfig, compose

FrameKey = tuple[str, int]
"""`(source, time_us)`."""


@dataclass(frozen=True, order=True)
class Finding:
    """Something that must not be.

    Attributes:
        audit: which audit found it: `person`, `split`, `regenerate` or `seam`.
        where: the file and frame, for people.
        what: what is wrong, and what to do.
    """

    audit: str
    where: str
    what: str


@dataclass(frozen=True, order=True)
class Use:
    """One thing that is seen in one split: a subject, a source video or a background."""

    kind: str
    name: str
    split: str
    where: str


def uses(rows: Iterable[CuratedRow | BackgroundRow | ClipRow]) -> Iterable[Use]:
    """What every row shows, and in which split. A background and a stranger count wherever a clip shows them."""
    for row in rows:
        yield Use("source", row.source, row.split, row.path)
        if row.subject:
            yield Use("subject", row.subject, row.split, row.path)
        if isinstance(row, ClipRow):
            yield Use("source", row.background, row.split, row.background_path)
            companion = _companion(row.recipe)
            if companion and companion.source:
                yield Use("source", companion.source, row.split, row.path)
                yield Use("subject", companion.subject, row.split, row.path)


def in_two_splits(seen: Iterable[Use]) -> list[Finding]:
    """A finding for everything that is seen in more than one split."""
    places: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for use in seen:
        places[use.kind, use.name].setdefault(use.split, use.where)
    return sorted(
        Finding(
            "split",
            " and ".join(sorted(set(splits.values()))),
            f"{kind} {name[:16]} is in {' and '.join(sorted(splits))}: pin it to one split in its sidecar",
        )
        for (kind, name), splits in places.items()
        if len(splits) > 1
    )


def regenerated(
    row: ClipRow,
    people: Mapping[FrameKey, CuratedRow],
    backgrounds: Mapping[FrameKey, BackgroundRow],
    config: SynthesizeConfig,
) -> Finding | None:
    """Make a clip again from its recipe and compare every byte; None where all are the same.

    Args:
        people, backgrounds: curated frames and plates by frame key, at least those that the recipe names.
        config: of the run that made the clip; its size and JPEG quality are what counts.
    """
    where = f"{row.path} at {row.time_us} us on {row.background_path}"

    def wrong(what: str) -> Finding:
        return Finding("regenerate", where, what)

    try:
        recipe = Recipe.from_json(row.recipe)
    except ValueError as error:
        return wrong(f"its recipe cannot be read ({str(error).splitlines()[0]}): run `autoroto run synthesize`")
    if recipe.seed != row.seed:
        return wrong(f"seed {row.seed} of the row is not seed {recipe.seed} of its recipe")
    plates = {time: backgrounds.get((recipe.background[0], time)) for time in recipe.behind}
    pictures = {time: decode_rgb(plate.image) for time, plate in plates.items() if plate}
    shows = [(row.source, time) for time in recipe.times] + ([recipe.stranger] if recipe.stranger else [])
    missing = sorted(key[1] for key in shows if key not in people)
    if missing or len(pictures) < len(plates):
        what = f"frames at {missing} us are not curated" if missing else "its background is no plate"
        return wrong(f"{what} any more: run `dvc repro`")
    shown = {time: Person(people[row.source, time]) for time in recipe.times}
    stranger = Person(people[recipe.stranger]) if recipe.stranger else None
    different = _different(row, compose(recipe, shown, pictures, config, stranger))
    return wrong(f"made again, {different}: run `dvc repro`, and look for what it depends on") if different else None


def background_of(recipe: str) -> set[FrameKey]:
    """The frames of the background that a clip's recipe names; none where it cannot be read."""
    try:
        read = Recipe.from_json(recipe)
    except ValueError:
        return set()
    return {(read.background[0], time) for time in read.behind}


def _companion(recipe: str) -> Companion | None:
    """The second person of a recipe; None where there is none, or the recipe cannot be read."""
    try:
        return Recipe.from_json(recipe).companion
    except ValueError:
        return None


def _different(row: ClipRow, again: Encoded) -> str:
    """What is not the same, or ""."""
    for name in ("images", "alphas", "trusts"):
        kept, made = getattr(row, name), getattr(again, name)
        if len(kept) != len(made):
            return f"it has {len(made)} {name} instead of {len(kept)}"
        for index, (one, other) in enumerate(zip(kept, made, strict=True)):
            if one != other:
                return f"{name}[{index}] has other bytes"
    return ""
