from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from datasets.images import decode_rgb, encode_png
from datasets.schema import BackgroundRow, BoxRow, FrameRow, LabelRow
from datasets.shards import write_rows
from stages.base import Drop
from stages.plate import Plate, PlateConfig

MakeFrame = Callable[..., FrameRow]
HEIGHT, WIDTH = 48, 64
ROOM = np.kron(np.random.default_rng(0).integers(40, 216, (6, 8, 3), dtype=np.uint8), np.ones((8, 8, 1), np.uint8))
KEY = {"source": "a" * 64}


def label(clip: int, burst: int, time_us: int, alpha: np.ndarray, trust: np.ndarray | None = None) -> LabelRow:
    sure = np.full(alpha.shape, 255, np.uint8) if trust is None else trust
    return LabelRow(
        source=KEY["source"], clip=clip, burst=burst, time_us=time_us, width=WIDTH, height=HEIGHT,
        alpha=encode_png(alpha), trust=encode_png(sure), foreground=b"", strategy="median", keyed=False, unknown=0.0,
        teachers=[],
    )  # fmt: skip


def boxes(clip: int, burst: int, time_us: int, found: list[list[float]], score: float = 0.9) -> BoxRow:
    count = len(found)
    return BoxRow(
        source=KEY["source"], clip=clip, burst=burst, time_us=time_us,
        boxes=found, scores=[score] * count, support=[2] * count,
    )  # fmt: skip


@pytest.fixture
def walk(frame: MakeFrame) -> Callable[..., tuple[list[FrameRow], list[LabelRow]]]:
    """A red person walking through the room in bursts of four; labels may miss it."""

    def make(count: int = 12, *, missed: bool = False, width: int = 10, **values: object):  # type: ignore[no-untyped-def]
        frames, labels = [], []
        for index in range(count):
            alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
            left = index * (WIDTH - width) // (count - 1)
            alpha[12:, left : left + width] = 255
            picture = np.where(alpha[..., None] > 0, np.array([255, 0, 0], np.uint8), ROOM)
            place = {"clip": 0, "burst": index // 4, "time_us": index * 40_000}
            frames.append(
                frame(width=WIDTH, height=HEIGHT, image=encode_png(picture), split="train", **place, **values)
            )
            labels.append(label(0, index // 4, index * 40_000, alpha * (not missed)))
        return frames, labels

    return make


def run(
    folder: Path,
    frames: Sequence[FrameRow],
    labels: Sequence[LabelRow] = (),
    found: Sequence[BoxRow] = (),
    **config: float,
) -> list[BackgroundRow | Drop]:
    inputs = []
    for name, rows, row_type in (("f", frames, FrameRow), ("l", labels, LabelRow), ("b", found, BoxRow)):
        if rows:
            inputs.append(folder / f"{name}.parquet")
            write_rows(inputs[-1], rows, row_type)
    stage = Plate(PlateConfig(**config))  # type: ignore[arg-type]
    values: list[BackgroundRow | Drop] = []
    for item in stage.items(inputs):
        result = stage.process(item)
        values += [result] if isinstance(result, Drop) else result
    return values


def test_all_bursts_of_a_clip_make_one_plate_without_the_person(tmp_path: Path, walk: Callable[..., tuple]) -> None:
    (plate,) = run(tmp_path, *walk(), margin=0.0)
    assert isinstance(plate, BackgroundRow)
    assert (plate.kind, plate.coverage, plate.split, plate.path) == ("clean_plate", 1.0, "train", "film.mp4")
    assert np.abs(decode_rgb(plate.image).astype(int) - ROOM).mean() < 3
    assert decode_rgb(plate.image)[..., 0].max() < 240


def test_sizes_count_every_frame(tmp_path: Path, walk: Callable[..., tuple]) -> None:
    frames, _ = walk(12)
    write_rows(tmp_path / "f.parquet", frames, FrameRow)
    stage = Plate(PlateConfig())
    assert [stage.size(item) for item in stage.items([tmp_path / "f.parquet"])] == [12]


def test_a_person_the_label_missed_is_kept_out_by_its_box(tmp_path: Path, walk: Callable[..., tuple]) -> None:
    frames, labels = walk(12, missed=True, width=40)
    found = []
    for index in range(12):
        left = index * (WIDTH - 40) // 11
        found.append(boxes(0, index // 4, index * 40_000, [[left / WIDTH, 12 / HEIGHT, (left + 40) / WIDTH, 1.0]]))
    (ghost,) = run(tmp_path, frames, labels, margin=0.0, max_moving=1.0)
    (plate,) = run(tmp_path, frames, labels, found, margin=0.0, min_coverage=0.3, max_moving=1.0)
    assert isinstance(ghost, BackgroundRow) and isinstance(plate, BackgroundRow)
    assert decode_rgb(ghost.image)[30, 32, 0] > 240
    assert decode_rgb(plate.image)[..., 0].max() < 240


def test_untrusted_pixels_count_as_person(tmp_path: Path, walk: Callable[..., tuple]) -> None:
    frames, labels = walk()
    doubt = np.full((HEIGHT, WIDTH), 255, np.uint8)
    doubt[:, :32] = 0
    labels = [label(0, row.burst, row.time_us, np.zeros((HEIGHT, WIDTH), np.uint8), doubt) for row in labels]
    (plate,) = run(tmp_path, frames, labels, margin=0.0, min_coverage=0.4)
    assert isinstance(plate, BackgroundRow)
    assert plate.coverage == 0.5


@pytest.mark.parametrize("reason", ["camera_moves", "person_covers_too_much", "too_few_labelled_frames"])
def test_unfit_footage_is_dropped(tmp_path: Path, walk: Callable[..., tuple], frame: MakeFrame, reason: str) -> None:
    frames, labels = walk()
    if reason == "camera_moves":
        empty = np.zeros((HEIGHT, WIDTH), np.uint8)
        frames = [
            frame(width=WIDTH, height=HEIGHT, burst=row.burst, time_us=row.time_us,
                  image=encode_png(np.roll(ROOM, 5 * index, axis=1)))
            for index, row in enumerate(frames)
        ]  # fmt: skip
        labels = [label(0, row.burst, row.time_us, empty) for row in frames]
    if reason == "person_covers_too_much":
        labels = [label(0, row.burst, row.time_us, np.full((HEIGHT, WIDTH), 255, np.uint8)) for row in frames]
    if reason == "too_few_labelled_frames":
        labels = labels[:2]
    assert run(tmp_path, frames, labels) == [Drop(reason)]


def test_background_photos_pass_unless_a_person_is_in_them(tmp_path: Path, frame: MakeFrame) -> None:
    photo = frame(role="background", split="test", licences=["CC0-1.0"])
    person = [[0.2, 0.2, 0.8, 0.9]]
    (plate,) = run(tmp_path, [photo], found=[boxes(0, 0, 0, person, score=0.3)])
    assert isinstance(plate, BackgroundRow)
    assert (plate.kind, plate.coverage, plate.image) == ("photo", 1.0, photo.image)
    assert (plate.split, plate.licences) == ("test", ["CC0-1.0"])
    assert run(tmp_path, [photo], found=[boxes(0, 0, 0, person)]) == [Drop("person_in_background", 1)]


@pytest.fixture
def pan(frame: MakeFrame) -> Callable[..., tuple[list[FrameRow], list[BoxRow], list[LabelRow]]]:
    """A camera that pans over an empty room in bursts of four; every detector looked and saw nobody."""

    def make(count: int = 12, **values: object) -> tuple[list[FrameRow], list[BoxRow], list[LabelRow]]:
        frames, seen, labels = [], [], []
        for index in range(count):
            picture = encode_png(np.roll(ROOM, 5 * index, axis=1))
            place = {"burst": index // 4, "time_us": index * 40_000}
            frames.append(frame(width=WIDTH, height=HEIGHT, image=picture, split="train", **place, **values))
            seen.append(boxes(0, place["burst"], place["time_us"], []))
            labels.append(label(0, place["burst"], place["time_us"], np.zeros((HEIGHT, WIDTH), np.uint8)))
        return frames, seen, labels

    return make


def test_a_background_video_becomes_bursts_of_frames_in_order(tmp_path: Path, pan: Callable[..., tuple]) -> None:
    frames, seen, _ = pan(10, role="background", licences=["CC0-1.0"])
    rows = run(tmp_path, frames, found=seen, video_frames=3)
    assert all(isinstance(row, BackgroundRow) for row in rows)
    assert {row.kind for row in rows} == {"video"}
    assert [row.burst for row in rows] == [0, 0, 0, 1, 1, 1, 2, 2]
    assert [row.time_us // 40_000 for row in rows] == [0, 1, 2, 4, 5, 6, 8, 9]
    stored = {row.time_us: row.image for row in frames}
    assert all(row.image == stored[row.time_us] for row in rows)
    assert {(row.split, *row.licences, row.coverage) for row in rows} == {("train", "CC0-1.0", 1.0)}


def test_a_background_video_of_which_one_frame_is_wanted_is_photos(tmp_path: Path, pan: Callable[..., tuple]) -> None:
    frames, seen, _ = pan(8, role="background")
    rows = run(tmp_path, frames, found=seen, video_frames=1)
    assert [(row.kind, row.time_us) for row in rows] == [("photo", 0), ("photo", 160_000)]


def test_somebody_in_one_frame_drops_the_burst_of_a_background_video(tmp_path: Path, pan: Callable[..., tuple]) -> None:
    frames, seen, _ = pan(8, role="background")
    seen[3] = boxes(0, 0, 120_000, [[0.2, 0.2, 0.8, 0.9]])  # in the last frame of the first burst, which is not kept
    rows = run(tmp_path, frames, found=seen, video_frames=3)
    assert rows[0] == Drop("person_in_background", 4)
    assert [row.time_us for row in rows[1:]] == [160_000, 200_000, 240_000]


def test_footage_that_shows_nobody_and_moves_becomes_video(tmp_path: Path, pan: Callable[..., tuple]) -> None:
    frames, seen, labels = pan()
    rows = run(tmp_path, frames, labels, seen)
    assert [row.kind for row in rows] == ["video"] * 12
    assert [row.time_us for row in rows] == [row.time_us for row in frames]


@pytest.mark.parametrize("sign", ["faint box", "label", "nobody looked"])
def test_footage_in_which_one_frame_may_show_somebody_is_no_background(
    tmp_path: Path, pan: Callable[..., tuple], sign: str
) -> None:
    frames, seen, labels = pan()
    if sign == "faint box":
        seen[9] = boxes(0, 2, 360_000, [[0.2, 0.2, 0.8, 0.9]], score=0.11)
    elif sign == "label":
        alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
        alpha[20:24, 20:24] = 200  # 16 of 3072 pixels
        labels[9] = label(0, 2, 360_000, alpha)
    else:
        del seen[9]
    assert run(tmp_path, frames, labels, seen) == [Drop("camera_moves")]


def test_an_empty_room_that_stands_still_is_one_clean_plate(tmp_path: Path, pan: Callable[..., tuple]) -> None:
    frames, seen, labels = pan()
    still = [replace(row, image=frames[0].image) for row in frames]
    assert [row.kind for row in run(tmp_path, still, labels, seen)] == ["clean_plate"]


def test_the_keyed_clip_gives_no_background(tmp_path: Path, frame: MakeFrame) -> None:
    assert run(tmp_path, [frame(role="keyed")]) == [Drop("keyed_test_clip")]


def test_the_same_frames_give_the_same_bytes(tmp_path: Path, walk: Callable[..., tuple]) -> None:
    assert run(tmp_path, *walk()) == run(tmp_path, *walk())
