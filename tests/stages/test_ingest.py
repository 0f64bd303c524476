import os
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import pytest

from datasets.images import Image, decode_grey, decode_rgb, encode_png
from datasets.schema import FrameRow
from datasets.shards import file_digest
from datasets.sources import find_sources
from datasets.video import write_video
from stages.base import Drop, Fail
from stages.ingest import Ingest, IngestConfig


def scene(seed: int, shape: tuple[int, int] = (72, 96)) -> Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return np.kron(coarse, np.ones((shape[0] // 6, shape[1] // 8, 1), np.uint8))


def photo(path: Path, image: Image) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_png(image))
    return path


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "raw"
    folder.mkdir(parents=True)
    return folder


def ingest(raw: Path, **config: object) -> dict[str, tuple[list[FrameRow], list[Drop | Fail]]]:
    """Everything that ingest makes of a raw folder, by item."""
    stage = Ingest(IngestConfig(**config), root=raw.parent.parent)  # type: ignore[arg-type]
    found = {}
    for source in find_sources(raw):
        for item in stage.items(source.inputs):
            assert stage.size(item) == 1
            values = list(stage.process(item))
            rows = [value for value in values if isinstance(value, FrameRow)]
            found[stage.describe(item)] = (rows, [value for value in values if not isinstance(value, FrameRow)])
    return found


def bursts(rows: Iterable[FrameRow]) -> list[tuple[int, int, int]]:
    return [(row.clip, row.burst, row.time_us) for row in rows]


def test_a_video_becomes_clips_and_bursts(raw: Path) -> None:
    video = raw / "walk.mp4"
    write_video(video, [scene(1)] * 30 + [scene(2)] * 10, fps=25)
    (raw / "walk.yaml").write_text("subject: anna\nlicence: CC0-1.0\nsource: a friend\nsplit: val\n")
    rows, lost = ingest(raw, burst_frames=2, burst_every_s=1.0, longest_side=48)["walk.mp4"]
    assert lost == []
    assert bursts(rows) == [
        (0, 0, 0), (0, 0, 40_000), (0, 1, 1_000_000), (0, 1, 1_040_000), (1, 0, 1_200_000), (1, 0, 1_240_000),
    ]  # fmt: skip
    assert {row.source for row in rows} == {file_digest(video)}
    assert [row.name for row in rows][:2] == ["000000000000", "000000040000"]
    first = rows[0]
    assert (first.path, first.subject, first.licences, first.origin) == ("walk.mp4", "anna", ["CC0-1.0"], "a friend")
    assert (first.split, first.role) == ("val", "footage")
    assert (first.width, first.height, first.source_width, first.source_height) == (48, 36, 96, 72)
    assert np.abs(decode_rgb(rows[4].image).astype(int) - cv2.resize(scene(2), (48, 36))).mean() < 8
    assert rows[0].duplicate == 64
    assert rows[1].duplicate <= 4


def test_every_frame_on_request(raw: Path) -> None:
    write_video(raw / "a.mp4", [scene(1)] * 20, fps=25)
    rows, _ = ingest(raw, every_frame=True, burst_frames=8)["a.mp4"]
    assert [row.time_us for row in rows] == [index * 40_000 for index in range(20)]
    assert [row.burst for row in rows] == [0] * 8 + [1] * 8 + [2] * 4


def test_a_folder_is_cut_like_a_video_and_keeps_every_image(raw: Path) -> None:
    for index, seed in enumerate([1, 1, 1, 2, 3, 3]):
        photo(raw / "shots" / f"f{index + 8}.png", scene(seed))
    rows, _ = ingest(raw, burst_frames=2)["shots"]
    assert [row.name for row in rows] == ["f8", "f9", "f10", "f11", "f12", "f13"]
    assert [(row.clip, row.burst) for row in rows] == [(0, 0), (0, 0), (0, 1), (1, 0), (2, 0), (2, 0)]
    assert [row.time_us for row in rows] == [index * 40_000 for index in range(6)]
    assert {row.path for row in rows} == {"shots"}


def test_loose_photos_are_sources_of_their_own_in_order(raw: Path) -> None:
    for seed in range(5):
        photo(raw / f"{seed}.png", scene(seed))
    found = ingest(raw)
    rows = [row for rows, _ in found.values() for row in rows]
    assert len(rows) == 5
    assert [row.source for row in rows] == sorted(row.source for row in rows)
    assert all(row.source == file_digest(raw / row.path) == row.subject for row in rows)
    assert {(row.clip, row.burst, row.time_us) for row in rows} == {(0, 0, 0)}


def test_copies_are_dropped(raw: Path) -> None:
    for name in ("a.mp4", "b.mp4"):
        write_video(raw / name, [scene(1)] * 3, fps=25)
    for name in ("x.png", "y.png"):
        photo(raw / name, scene(2))
    found = ingest(raw)
    assert {name: lost for name, (_, lost) in found.items() if lost} == {
        "b.mp4": [Drop("duplicate_file")],
        "y.png": [Drop("duplicate_file")],
    }


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.mp4", b"", "empty_file"),
        ("a.mp4", b"text" * 50, "not_a_video"),
        ("a.mp4", b"\x00\x00\x00\x20ftypisom", "truncated"),
        ("a.jpg", b"", "empty_file"),
        ("a.jpg", b"text", "not_an_image"),
        ("a.png", b"\x89PNG\r\n\x1a\n" + b"0" * 20, "truncated"),
        ("a.heic", b"\x00\x00\x00\x20ftypheic", "not_an_image"),
    ],
)
def test_broken_files_fail_with_their_reason_and_name(raw: Path, name: str, content: bytes, reason: str) -> None:
    (raw / name).write_bytes(content)
    ((rows, lost),) = ingest(raw).values()
    assert rows == []
    (fail,) = lost
    assert isinstance(fail, Fail)
    assert (fail.reason, fail.retryable) == (reason, False)
    assert name in fail.detail


def test_a_broken_image_does_not_cost_its_folder(raw: Path) -> None:
    for index in range(3):
        photo(raw / "shots" / f"{index}.png", scene(1))
    (raw / "shots" / "1.png").write_bytes(b"")
    rows, lost = ingest(raw)["shots"]
    assert [(row.name, row.time_us) for row in rows] == [("0", 0), ("2", 80_000)]
    assert lost == []
    for index in (0, 2):
        (raw / "shots" / f"{index}.png").write_bytes(b"?" * index)
    rows, lost = ingest(raw)["shots"]
    assert rows == [] and isinstance(lost[0], Fail)


def test_a_bad_sidecar_fails_its_footage(raw: Path) -> None:
    write_video(raw / "a.mp4", [scene(1)] * 3, fps=25)
    (raw / "a.yaml").write_text("subjcet: anna")
    ((_, (fail,)),) = ingest(raw).values()
    assert isinstance(fail, Fail)
    assert fail.reason == "bad_sidecar"
    assert "a.yaml" in fail.detail and "subjcet" in fail.detail


def test_masks_arrive_at_the_stored_size(raw: Path) -> None:
    write_video(raw / "a.mp4", [scene(1)] * 3, fps=25)
    (raw / "a.yaml").write_text("masks: a-masks")
    mask = np.zeros((72, 96), np.uint8)
    mask[:, 48:] = 255
    for index in (0, 1):
        (raw / "a-masks").mkdir(exist_ok=True)
        (raw / "a-masks" / f"{index}.png").write_bytes(encode_png(mask))
    rows, _ = ingest(raw, longest_side=48)["a.mp4"]
    np.testing.assert_array_equal(decode_grey(rows[1].mask), mask[::2, ::2])
    assert rows[2].mask == b""
    (raw / "a-masks" / "0.png").write_bytes(encode_png(np.ascontiguousarray(mask.T)))
    _, (fail,) = ingest(raw)["a.mp4"]
    assert isinstance(fail, Fail) and fail.reason == "bad_mask"


@pytest.fixture
def keyed(raw: Path) -> Path:
    frame = np.full((96, 128, 3), (48, 124, 245), np.uint8)
    cv2.circle(frame, (64, 60), 24, (200, 150, 120), -1)
    write_video(raw / "blue.mp4", [frame] * 24, fps=24, crf=5)
    (raw / "blue.yaml").write_text("keyed: true\nlicence: MIT\n")
    return raw


def test_the_keyed_clip_is_test_only_and_carries_truth(keyed: Path) -> None:
    photo(keyed / "room.png", np.full((100, 150, 3), 90, np.uint8))
    (keyed / "room.yaml").write_text("role: background\nsplit: test\nlicence: CC0-1.0\n")
    found = ingest(keyed, burst_frames=4, keyed={"frames": 8})
    rows, lost = found["blue.mp4"]
    assert lost == []
    assert len(rows) == 8
    assert {(row.role, row.split) for row in rows} == {("keyed", "test")}
    assert {tuple(row.licences) for row in rows} == {("CC0-1.0", "MIT")}
    truth = decode_grey(rows[0].truth)
    assert truth.shape == (96, 128)
    assert (truth[60, 64], truth[5, 5]) == (255, 0)
    assert np.abs(decode_rgb(rows[0].image)[5, 5].astype(int) - 90).max() <= 2
    (background,), _ = found["room.png"]
    assert (background.role, background.split) == ("background", "test")
    again, _ = ingest(keyed, burst_frames=4, keyed={"frames": 8})["blue.mp4"]
    assert again == rows


def test_a_keyed_clip_without_reserved_backgrounds_says_what_to_do(keyed: Path) -> None:
    _, (fail,) = ingest(keyed)["blue.mp4"]
    assert isinstance(fail, Fail)
    assert fail.reason == "no_reserved_background"
    assert "split: test" in fail.detail


def test_memory_holds_no_more_than_a_frame(raw: Path) -> None:
    write_video(raw / "a.mp4", [scene(1)] * 10, fps=25)
    stage = Ingest(IngestConfig(), root=raw.parent.parent)
    (item,) = stage.items([raw / "a.mp4"])
    stream = iter(stage.process(item))
    assert isinstance(next(stream), FrameRow)  # the first row comes before the file is read to its end
    assert stage.streams


def test_files_outside_the_raw_folder_go_by_their_name(raw: Path, tmp_path: Path) -> None:
    outside = tmp_path / "elsewhere" / "b.mp4"
    outside.parent.mkdir()
    write_video(outside, [scene(1)] * 2, fps=25)
    stage = Ingest(IngestConfig(), root=raw.parent.parent)
    (item,) = stage.items([outside])
    rows = [row for row in stage.process(item) if isinstance(row, FrameRow)]
    assert [row.path for row in rows] == ["b.mp4"] * 2


@pytest.mark.timeout(20)
def test_what_cannot_be_read_fails_for_good_with_its_reason(raw: Path) -> None:
    os.mkfifo(raw / "pipe.png")
    (raw / "gone.mp4").symlink_to("nowhere.mp4")
    found = ingest(raw)
    for name, words in (("pipe.png", "a pipe"), ("gone.mp4", "nowhere.mp4")):
        rows, (fail,) = found[name]
        assert rows == []
        assert isinstance(fail, Fail)
        assert (fail.reason, fail.retryable) == ("unreadable", False)
        assert fail.detail.startswith(f"{raw / name}: ")
        assert words in fail.detail


@pytest.mark.parametrize("name", ["a.mp4", "a.png"])
def test_what_went_away_since_it_was_found_may_come_back(raw: Path, name: str) -> None:
    write_video(raw / "a.mp4", [scene(1)] * 3, fps=25)
    photo(raw / "a.png", scene(2))
    stage = Ingest(IngestConfig(), root=raw.parent.parent)
    (inputs,) = [source.inputs for source in find_sources(raw) if source.inputs[0].name == name]
    (raw / name).unlink()
    (item,) = stage.items(inputs)
    (fail,) = stage.process(item)
    assert isinstance(fail, Fail)
    assert (fail.reason, fail.retryable) == ("unreadable", True)
    assert name in fail.detail


def test_a_file_that_changes_while_it_is_read_is_to_be_read_again(raw: Path) -> None:
    write_video(raw / "a.mp4", [scene(1)] * 3, fps=25)
    stage = Ingest(IngestConfig(), root=raw.parent.parent)
    (source,) = find_sources(raw)
    (item,) = stage.items(source.inputs)
    values = iter(stage.process(item))
    next(iter(values))
    with (raw / "a.mp4").open("ab") as file:
        file.write(b"more")
    *_, fail = values
    assert isinstance(fail, Fail)
    assert (fail.reason, fail.retryable) == ("still_changing", True)


def test_frames_of_another_size_begin_a_clip(raw: Path) -> None:
    for index, shape in enumerate([(72, 96), (72, 96), (36, 48)]):
        photo(raw / "walk" / f"{index}.png", scene(1, shape))
    rows, _ = ingest(raw)["walk"]
    assert [(row.clip, row.width) for row in rows] == [(0, 96), (0, 96), (1, 48)]


def test_a_folder_none_of_whose_images_can_be_read_fails(raw: Path) -> None:
    for index in range(2):
        photo(raw / "walk" / f"{index}.png", scene(index)).write_bytes(b"")
    rows, (fail,) = ingest(raw)["walk"]
    assert rows == []
    assert isinstance(fail, Fail)
    assert fail.reason == "empty_file"


def test_a_fail_names_the_footage_and_its_broken_sidecar(raw: Path) -> None:
    write_video(raw / "a.mp4", [scene(1)] * 3, fps=25)
    (raw / "a.yaml").write_text("subject: [")
    _, (fail,) = ingest(raw)["a.mp4"]
    assert isinstance(fail, Fail)
    assert fail.detail.startswith(f"{raw}/a.mp4: {raw}/a.yaml: not YAML")
