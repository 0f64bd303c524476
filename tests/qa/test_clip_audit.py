from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datasets.images import encode_jpeg, encode_png
from datasets.schema import BackgroundRow, ClipRow, CuratedRow
from datasets.shards import write_rows
from qa.clip_audit import background_of, in_two_splits, regenerated, uses
from stages.draws import RecipeConfig
from stages.synthesize import Synthesize, SynthesizeConfig

CONFIG = SynthesizeConfig(width=64, height=36, frames=2, clips_per_burst=4)


def person(**changes: object) -> CuratedRow:
    y, x = np.mgrid[0:60, 0:80]
    alpha = np.where((x - 40) ** 2 / 15**2 + (y - 60) ** 2 / 45**2 < 1, 255, 0).astype(np.uint8)
    picture = encode_jpeg(np.full((60, 80, 3), (180, 120, 100), np.uint8))
    row = CuratedRow(
        source="p", clip=0, burst=0, time_us=0, path="p.mp4", name="0", width=80, height=60, image=picture,
        alpha=encode_png(alpha), trust=encode_png(np.full((60, 80), 200, np.uint8)), foreground=picture, group="silver",
        split="train", role="footage", label_source="fused", quality=0.9, error="", scenarios=[], subject="someone",
        licences=["MIT"], truth=b"",
    )  # fmt: skip
    return replace(row, **changes)  # type: ignore[arg-type]


def background(source: str = "b", **changes: object) -> BackgroundRow:
    picture = np.random.default_rng(3).integers(0, 255, (90, 150, 3), dtype=np.uint8)
    row = BackgroundRow(
        source=source, clip=0, burst=0, time_us=0, path=f"{source}.jpg", kind="photo", width=150, height=90,
        image=encode_jpeg(picture), coverage=1.0, split="train", subject="", licences=["CC0-1.0"],
    )  # fmt: skip
    return replace(row, **changes)  # type: ignore[arg-type]


PEOPLE = [person(time_us=40_000 * index) for index in range(3)]
BACKGROUNDS = [background()]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> list[ClipRow]:
    folder: Path = tmp_path_factory.mktemp("shards")
    write_rows(folder / "p.parquet", PEOPLE, CuratedRow)
    write_rows(folder / "b.parquet", BACKGROUNDS, BackgroundRow)
    stage = Synthesize(CONFIG)
    (scene,) = stage.items([folder / "p.parquet", folder / "b.parquet"])
    return [row for row in stage.process(scene) if isinstance(row, ClipRow)]  # type: ignore[union-attr]


def _again(row: ClipRow, people: list[CuratedRow] = PEOPLE, backgrounds: list[BackgroundRow] = BACKGROUNDS) -> str:
    found = regenerated(
        row, {one.frame_key: one for one in people}, {one.frame_key: one for one in backgrounds}, CONFIG
    )
    return "" if found is None else found.what


def test_every_clip_is_made_again_bit_for_bit(clips: list[ClipRow]) -> None:
    assert len(clips) == 4
    assert [_again(row) for row in clips] == [""] * 4


def test_a_clip_before_a_video_is_made_again_bit_for_bit(tmp_path: Path) -> None:
    video = [background("v", kind="video", time_us=time) for time in range(4)]
    write_rows(tmp_path / "p.parquet", PEOPLE, CuratedRow)
    write_rows(tmp_path / "b.parquet", video, BackgroundRow)
    stage = Synthesize(CONFIG)
    (scene,) = stage.items([tmp_path / "p.parquet", tmp_path / "b.parquet"])
    rows = [row for row in stage.process(scene) if isinstance(row, ClipRow)]  # type: ignore[union-attr]
    assert [_again(row, backgrounds=video) for row in rows] == [""] * 4
    frames = background_of(rows[0].recipe)
    assert len(frames) == 2 and frames <= {row.frame_key for row in video}
    fewer = [row for row in video if row.frame_key != max(frames)]
    assert "no plate" in _again(rows[0], backgrounds=fewer)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> ClipRow:
    """A clip of one person before a stranger of the same shard."""
    folder = tmp_path_factory.mktemp("pair")
    write_rows(folder / "p.parquet", COUPLE, CuratedRow)
    write_rows(folder / "b.parquet", BACKGROUNDS, BackgroundRow)
    stage = Synthesize(
        CONFIG.model_copy(update={"recipe": RecipeConfig(companion_probability=1, stranger_probability=1)})
    )
    scene = next(iter(stage.items([folder / "p.parquet", folder / "b.parquet"])))
    return next(row for row in stage.process(scene) if isinstance(row, ClipRow))  # type: ignore[union-attr]


COUPLE = [person(), person(source="q", path="q.jpg", subject="another")]


def test_a_clip_with_a_stranger_is_made_again_bit_for_bit(pair: ClipRow) -> None:
    assert _again(pair, people=COUPLE) == ""
    assert "frames at [0] us are not curated" in _again(pair, people=COUPLE[:1])
    other = replace(COUPLE[1], foreground=encode_jpeg(np.full((60, 80, 3), 9, np.uint8)))
    assert "images[0] has other bytes" in _again(pair, people=[COUPLE[0], other])


def test_a_stranger_who_is_in_another_split_as_well_is_found(pair: ClipRow) -> None:
    assert in_two_splits(uses([*COUPLE, *BACKGROUNDS, pair])) == []
    found = in_two_splits(uses([COUPLE[0], replace(COUPLE[1], split="val"), *BACKGROUNDS, pair]))
    assert [finding.what.split(":")[0] for finding in found] == [
        "source q is in train and val", "subject another is in train and val"
    ]  # fmt: skip


def test_one_byte_is_noticed_in_pictures_alphas_and_trusts(clips: list[ClipRow]) -> None:
    for name in ("images", "alphas", "trusts"):
        kept = getattr(clips[1], name)
        broken = replace(clips[1], **{name: [kept[0], kept[1][:-1] + b"?"]})
        assert f"{name}[1] has other bytes" in _again(broken)
    assert "it has 2 images instead of 1" in _again(replace(clips[1], images=clips[1].images[:1]))


def test_other_people_backgrounds_seeds_and_recipes_are_noticed(clips: list[ClipRow]) -> None:
    row = clips[0]
    assert "not curated" in _again(row, people=[])
    assert "no plate" in _again(row, backgrounds=[])
    assert "is not seed" in _again(replace(row, seed=row.seed + 1))
    assert "cannot be read" in _again(replace(row, recipe="{}"))
    other = background(image=encode_jpeg(np.full((90, 150, 3), 9, np.uint8)))
    assert "images[0] has other bytes" in _again(row, backgrounds=[other])


def test_the_background_is_read_from_the_recipe(clips: list[ClipRow]) -> None:
    assert background_of(clips[0].recipe) == {("b", 0)}
    assert background_of("nonsense") == set()


def test_nothing_is_in_two_splits(clips: list[ClipRow]) -> None:
    assert in_two_splits(uses([*PEOPLE, *BACKGROUNDS, *clips])) == []


def test_a_subject_in_two_splits_is_found() -> None:
    (found,) = in_two_splits(uses([person(), person(source="q", path="q.mp4", split="val")]))
    assert (found.audit, found.where) == ("split", "p.mp4 and q.mp4")
    assert "subject someone is in train and val" in found.what


def test_a_source_in_two_splits_is_found_though_its_subjects_differ() -> None:
    (found,) = in_two_splits(uses([person(), person(subject="another", split="test")]))
    assert "source p is in test and train" in found.what


def test_a_background_in_two_splits_is_found(clips: list[ClipRow]) -> None:
    stranger = replace(clips[0], source="q", path="q.mp4", subject="another", split="val")
    (found,) = in_two_splits(uses([*clips, stranger]))
    assert found.where == "b.jpg"
    assert "source b is in train and val" in found.what


def test_nameless_subjects_of_backgrounds_are_nobody() -> None:
    assert in_two_splits(uses([background(), background("c", split="val")])) == []
