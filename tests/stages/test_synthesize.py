from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datasets.images import decode_grey, decode_rgb, encode_jpeg, encode_png
from datasets.schema import BackgroundRow, ClipRow, CuratedRow, Row
from datasets.shards import write_rows
from stages.base import Drop, Fail
from stages.draws import RecipeConfig
from stages.people import Person
from stages.recipe import Recipe
from stages.render import render
from stages.synthesize import Synthesize, SynthesizeConfig, consecutive

SMALL = SynthesizeConfig(width=64, height=36, frames=3, clips_per_burst=3)


def _curated(source: str = "p", burst: int = 0, time_us: int = 0, **changes: object) -> CuratedRow:
    y, x = np.mgrid[0:60, 0:80]
    alpha = np.where((x - 40) ** 2 / 15**2 + (y - 60) ** 2 / 45**2 < 1, 255, 0).astype(np.uint8)
    row = CuratedRow(
        source=source,
        clip=0,
        burst=burst,
        time_us=time_us,
        path=f"demo/{source}.mp4",
        name=str(time_us),
        width=80,
        height=60,
        image=encode_jpeg(np.full((60, 80, 3), 90, np.uint8)),
        alpha=encode_png(alpha),
        trust=encode_png(np.full((60, 80), 200, np.uint8)),
        foreground=encode_jpeg(np.full((60, 80, 3), (180, 120, 100), np.uint8)),
        group="silver",
        split="train",
        role="footage",
        label_source="fused",
        quality=0.9,
        error="",
        scenarios=[],
        subject="someone",
        licences=["MIT"],
        truth=b"",
    )
    return replace(row, **changes)  # type: ignore[arg-type]


def _burst(count: int = 5, **changes: object) -> list[CuratedRow]:
    return [_curated(time_us=40_000 * index, **changes) for index in range(count)]


def _background(source: str, split: str = "train", **changes: object) -> BackgroundRow:
    picture = np.random.default_rng(len(source)).integers(0, 255, (190, 270, 3), dtype=np.uint8)
    row = BackgroundRow(
        source=source,
        clip=0,
        burst=0,
        time_us=0,
        path=f"demo/{source}.jpg",
        kind="photo",
        width=270,
        height=190,
        image=encode_jpeg(picture),
        coverage=1.0,
        split=split,
        subject="",
        licences=["CC0-1.0"],
    )
    return replace(row, **changes)  # type: ignore[arg-type]


def _run(
    folder: Path, people: Iterable[CuratedRow], *shards: list[BackgroundRow], config: SynthesizeConfig = SMALL
) -> list[ClipRow | Drop | Fail]:
    paths = [_shard(folder / "people.parquet", people, CuratedRow)]
    paths += [_shard(folder / f"backgrounds-{n}.parquet", shard, BackgroundRow) for n, shard in enumerate(shards)]
    stage = Synthesize(config)
    found: list[ClipRow | Drop | Fail] = []
    for item in stage.items(paths):
        assert stage.size(item) == len(item.clip)
        made = stage.process(item)
        found += [made] if isinstance(made, Drop) else made
    return found


def _shard(path: Path, rows: Iterable[Row], row_type: type[Row]) -> Path:
    write_rows(path, rows, row_type)
    return path


def _clips(found: list[ClipRow | Drop | Fail]) -> list[ClipRow]:
    return [row for row in found if isinstance(row, ClipRow)]


def test_a_burst_becomes_clips_with_everything_a_student_needs(tmp_path: Path) -> None:
    rows = _clips(_run(tmp_path, _burst(), [_background("a"), _background("b")]))
    assert len(rows) == 3
    for row in rows:
        assert (row.split, row.group, row.quality, row.subject) == ("train", "silver", 0.9, "someone")
        assert (row.width, row.height) == (64, 36)
        assert len(row.images) == len(row.alphas) == len(row.trusts) == 3
        assert all(decode_rgb(image).shape == (36, 64, 3) for image in row.images)
        alpha, trust = decode_grey(row.alphas[0]), decode_grey(row.trusts[0])
        assert (alpha[-1] == 255).any()
        assert set(trust[alpha == 0]) == {255}
        assert set(trust[alpha == 255]) == {200}
        assert row.licences == ["CC0-1.0", "MIT"]
        assert row.background in ("a", "b")
        assert row.background_path == f"demo/{row.background}.jpg"
    assert [row.time_us for row in rows] == sorted(row.time_us for row in rows)


def test_a_clip_is_regenerated_byte_for_byte_from_its_recipe(tmp_path: Path) -> None:
    people, backgrounds = _burst(), [_background("a"), _background("bb")]
    for row in _clips(_run(tmp_path, people, backgrounds)):
        recipe = Recipe.from_json(row.recipe)
        assert recipe.seed == row.seed
        assert recipe.frames[0] == row.time_us
        picture = next(plate for plate in backgrounds if plate.frame_key == recipe.background)
        cutouts = {person.time_us: Person(person).cutout for person in people}
        again = render(recipe, cutouts, decode_rgb(picture.image), (36, 64))
        assert [encode_jpeg(frame.image, quality=SMALL.jpeg_quality) for frame in again] == row.images
        assert [encode_png(frame.alpha) for frame in again] == row.alphas
        assert [encode_png(frame.trust) for frame in again] == row.trusts


def test_clips_depend_on_no_other_burst_and_not_on_the_order_of_shards(tmp_path: Path) -> None:
    one, other = _burst(), _burst(burst=1)
    later = [replace(row, time_us=row.time_us + 9_000_000) for row in other]
    alone = _clips(_run(tmp_path, later, [_background("a")], [_background("bb")]))
    together = _clips(_run(tmp_path, one + later, [_background("bb")], [_background("a")]))
    assert together[3:] == alone
    assert _clips(_run(tmp_path, later, [_background("a"), _background("bb")], config=SMALL)) == alone
    fewer = SMALL.model_copy(update={"clips_per_burst": 1})
    assert _clips(_run(tmp_path, later, [_background("a"), _background("bb")], config=fewer))[0] in alone
    reseeded = SMALL.model_copy(update={"seed": 1})
    assert _clips(_run(tmp_path, later, [_background("a"), _background("bb")], config=reseeded)) != alone


@pytest.mark.parametrize(
    ("split", "background", "wanted"),
    [
        ("train", _background("a", "val"), "no_background"),
        ("val", _background("a", "train"), "no_background"),
        ("train", _background("a", "test"), "no_background"),
        ("train", _background("p", "train", kind="clean_plate"), "no_background"),
        ("test", _background("a", "test"), "test_split"),
    ],
)
def test_no_split_and_no_source_is_ever_mixed(
    tmp_path: Path, split: str, background: BackgroundRow, wanted: str
) -> None:
    assert _run(tmp_path, _burst(split=split), [background]) == [Drop(wanted)]


def test_validation_people_get_validation_backgrounds(tmp_path: Path) -> None:
    backgrounds = [_background("a"), _background("b", "val"), _background("c", "test")]
    rows = _clips(_run(tmp_path, _burst(split="val"), backgrounds))
    assert {(row.split, row.background) for row in rows} == {("val", "b")}


def test_without_a_background_shard_every_burst_is_dropped(tmp_path: Path) -> None:
    assert _run(tmp_path, _burst()) == [Drop("no_background")]


def _video(
    source: str = "v", colours: Sequence[int] = (40, 80, 120, 160, 200), **changes: object
) -> list[BackgroundRow]:
    """A background that gets brighter from frame to frame."""
    return [
        _background(source, kind="video", time_us=100 + index, path=f"demo/{source}.mp4", width=160, height=90,
                    image=encode_png(np.full((90, 160, 3), colour, np.uint8)), **changes)
        for index, colour in enumerate(colours)
    ]  # fmt: skip


CLEAN = RecipeConfig(
    background_video_probability=1, background_blur_probability=0, colour_probability=0, match_probability=0,
    shrink_probability=0, blur_probability=0, sharpen_probability=0, noise_probability=0, jpeg_probability=0,
    grey_probability=0, wrap_probability=0, h264_probability=0, person_height=(0.6, 0.6), companion_probability=0,
)  # fmt: skip


def test_the_frames_behind_a_clip_follow_each_other(tmp_path: Path) -> None:
    config = SMALL.model_copy(update={"clips_per_burst": 12, "recipe": CLEAN})
    rows = _clips(_run(tmp_path, _burst(), [_background("a")], _video(), config=config))
    assert len(rows) == 12
    for row in rows:
        assert (row.background, row.background_path, row.licences) == ("v", "demo/v.mp4", ["CC0-1.0", "MIT"])
        seen = [int(decode_rgb(image)[0, 0, 0]) for image in row.images]
        steps = set(np.diff(seen).round(-1).tolist())
        assert steps in ({40}, {-40}), seen


def test_bursts_of_one_video_are_never_mixed(tmp_path: Path) -> None:
    two = _video() + [replace(row, burst=1, time_us=row.time_us + 900) for row in _video()]
    config = SMALL.model_copy(update={"clips_per_burst": 12, "recipe": CLEAN})
    behind = [Recipe.from_json(row.recipe).behind for row in _clips(_run(tmp_path, _burst(), two, config=config))]
    assert {times[0] >= 900 for times in behind} == {True, False}
    assert all(max(times) - min(times) == 2 for times in behind)


def test_a_video_that_is_too_short_rests_or_runs_back(tmp_path: Path) -> None:
    config = SMALL.model_copy(update={"clips_per_burst": 30, "recipe": CLEAN})
    found = _clips(_run(tmp_path, _burst(), _video(colours=(40, 80)), config=config))
    assert {Recipe.from_json(row.recipe).behind for row in found} == {(100, 101, 101), (101, 101, 100), (100, 101, 100)}


def test_stills_are_drawn_as_if_there_were_no_videos(tmp_path: Path) -> None:
    stills = [_background("a"), _background("bb")]
    config = SMALL.model_copy(update={"clips_per_burst": 20})
    alone = _clips(_run(tmp_path, _burst(), stills, config=config))
    together = _clips(_run(tmp_path, _burst(), stills, _video(), config=config))
    same = [(one, other) for one, other in zip(alone, together, strict=True) if other.background != "v"]
    assert 5 < len(same) < 20
    assert all(one == other for one, other in same)


def test_videos_of_the_other_split_or_of_the_same_source_are_never_behind(tmp_path: Path) -> None:
    assert _run(tmp_path, _burst(), _video(split="val")) == [Drop("no_background")]
    assert _run(tmp_path, _burst(source="v"), _video()) == [Drop("no_background")]


PAIRS = SMALL.model_copy(
    update={"clips_per_burst": 8, "recipe": RecipeConfig(companion_probability=1, stranger_probability=1)}
)


def _photos(*names: str, **changes: object) -> list[CuratedRow]:
    """One photo each, of people of whom each has a licence of their own."""
    return [_curated(f"photo {name}", subject=name, licences=[f"licence {name}"], **changes) for name in names]


def test_a_stranger_of_the_same_shard_stands_behind(tmp_path: Path) -> None:
    rows = _clips(_run(tmp_path, _photos("anna", "ben", "carl"), [_background("a")], config=PAIRS))
    assert len(rows) == 24
    pairs = set()
    for row in rows:
        companion = Recipe.from_json(row.recipe).companion
        assert companion is not None and companion.source == f"photo {companion.subject}"
        assert row.licences == sorted(["CC0-1.0", f"licence {row.subject}", f"licence {companion.subject}"])
        pairs.add((row.subject, companion.subject))
    assert all(one != other for one, other in pairs)
    assert len(pairs) == 6


def test_a_clip_is_as_good_as_the_stranger_in_it(tmp_path: Path) -> None:
    people = [_photos("anna")[0], *_photos("ben", quality=0.5, group="gold")]
    rows = _clips(_run(tmp_path, people, [_background("a")], config=PAIRS))
    assert {(row.subject, row.group, row.quality) for row in rows} == {("anna", "silver", 0.5)} | {
        ("ben", "gold", 0.5)  # anna's silver label may not stand behind ben's gold one: ben stands there again
    }


def test_strangers_are_never_of_another_split(tmp_path: Path) -> None:
    people = _photos("anna") + _photos("ben", split="val") + _photos("carl", split="test")
    backgrounds = [_background("a"), _background("bb", "val")]
    rows = _clips(_run(tmp_path, people, backgrounds, config=PAIRS))
    assert {(row.subject, Recipe.from_json(row.recipe).stranger) for row in rows} == {("anna", None), ("ben", None)}


def test_without_strangers_clips_are_as_before(tmp_path: Path) -> None:
    never = PAIRS.model_copy(update={"recipe": PAIRS.recipe.model_copy(update={"stranger_probability": 0.0})})
    alone = _clips(_run(tmp_path, _photos("anna"), [_background("a")], config=never))
    assert alone == _clips(_run(tmp_path, _photos("anna"), [_background("a")], config=PAIRS))
    assert alone == _clips(_run(tmp_path, _photos("anna", "ben"), [_background("a")], config=never))[:8]


def test_rejected_and_empty_frames_are_counted_and_never_shown(tmp_path: Path) -> None:
    people = _burst(6)
    people[0] = replace(people[0], group="reject")
    people[1] = replace(people[1], alpha=encode_png(np.zeros((60, 80), np.uint8)))
    config = SMALL.model_copy(update={"clips_per_burst": 12})
    found = _run(tmp_path, people, [_background("a")], config=config)
    assert [value for value in found if isinstance(value, Drop)] == [Drop("reject", 1), Drop("no_person", 1)]
    shown = {time for row in _clips(found) for time in Recipe.from_json(row.recipe).frames}
    assert shown <= {person.time_us for person in people[2:]}


def test_a_burst_without_any_usable_frame_makes_no_clip(tmp_path: Path) -> None:
    assert _run(tmp_path, _burst(4, group="reject"), [_background("a")]) == [Drop("reject", 4)]


def test_a_clip_is_as_good_as_its_worst_frame(tmp_path: Path) -> None:
    people = [
        replace(row, group=group, quality=q)
        for row, group, q in zip(_burst(3), ["gold", "bronze", "silver"], [0.9, 0.4, 0.7], strict=True)
    ]
    config = SMALL.model_copy(update={"clips_per_burst": 20})
    real = [
        row
        for row in _clips(_run(tmp_path, people, [_background("a")], config=config))
        if len(set(Recipe.from_json(row.recipe).frames)) == 3
    ]
    assert {(row.group, row.quality) for row in real} == {("bronze", 0.4)}


def test_labels_of_another_size_than_their_colours_still_fit(tmp_path: Path) -> None:
    bare = [replace(row, foreground=b"", image=encode_jpeg(np.full((120, 160, 3), 90, np.uint8))) for row in _burst()]
    assert len(_clips(_run(tmp_path, bare, [_background("a")]))) == 3


def test_a_trust_map_of_another_size_names_the_frame() -> None:
    row = _curated(time_us=40_000, trust=encode_png(np.zeros((10, 10), np.uint8)))
    with pytest.raises(ValueError, match=r"demo/p\.mp4 at 40000 us: trust"):
        _ = Person(row).cutout


def test_consecutive_runs_end_at_gaps_and_at_frames_left_out() -> None:
    times = [0, 40, 80, 160, 200, 240, 280]
    assert consecutive(times, keep=times) == [[0, 40, 80], [160, 200, 240, 280]]
    assert consecutive(times, keep=[0, 40, 80, 160, 240, 280]) == [[0, 40, 80], [160], [240, 280]]
    assert consecutive([7], keep=[7]) == [[7]]
    assert consecutive([7], keep=[]) == []


def test_a_burst_is_described_by_its_file(tmp_path: Path) -> None:
    stage = Synthesize(SMALL)
    item = next(iter(stage.items([_shard(tmp_path / "people.parquet", _burst(), CuratedRow)])))
    assert stage.describe(item).startswith("demo/p.mp4")
