"""Damage has the size that was asked for, keeps to its kind, moves with the person, and votes keep their windows."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from datasets.clips import Clip
from datasets.images import Grey, decode_grey, encode_jpeg, encode_png
from datasets.schema import ERROR_TYPES, FrameRow, VoteRow
from qa.damage import ALL, MOST, ONE, TYPES, damage_burst, damage_to_iou, inject
from qa.metrics import as_mask, iou

REGIONS = ("missed_region", "over_segmentation", "wrong_object")


def person(x: float = 100, y: float = 90, shape: tuple[int, int] = (180, 240)) -> Grey:
    """A head on a body, with a thin arm."""
    mask = np.zeros(shape, np.uint8)
    cv2.ellipse(mask, (round(x), round(y)), (28, 50), 0, 0, 360, 255, -1)
    cv2.circle(mask, (round(x), round(y) - 60), 16, 255, -1)
    cv2.line(mask, (round(x), round(y) - 20), (round(x) + 60, round(y) - 40), 255, 9)
    return mask


def walk(frames: int = 6, step: float = 6.0) -> list[Grey]:
    return [person(80 + step * index) for index in range(frames)]


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_the_types_are_those_of_the_schema() -> None:
    assert TYPES == ERROR_TYPES


@pytest.mark.parametrize("seed", range(4))
def test_a_missed_region_is_that_share_of_the_person(seed: int) -> None:
    (damaged,) = damage_burst("missed_region", [person()], 0.3, rng(seed))
    area = np.count_nonzero(person())
    assert not (as_mask(damaged) & ~as_mask(person())).any()
    assert np.count_nonzero(damaged) == pytest.approx(0.7 * area, abs=3)


@pytest.mark.parametrize("seed", range(4))
def test_over_segmentation_adds_that_share_and_touches(seed: int) -> None:
    (damaged,) = damage_burst("over_segmentation", [person()], 0.3, rng(seed))
    assert np.count_nonzero(damaged) == pytest.approx(1.3 * np.count_nonzero(person()), rel=0.01)
    assert not (as_mask(person()) & ~as_mask(damaged)).any()
    assert cv2.connectedComponents(damaged)[0] == 2


@pytest.mark.parametrize("seed", range(4))
def test_a_wrong_object_stands_apart(seed: int) -> None:
    (damaged,) = damage_burst("wrong_object", [person()], 0.2, rng(seed))
    added = as_mask(damaged) & ~as_mask(person())
    assert np.count_nonzero(added) == pytest.approx(0.2 * np.count_nonzero(person()), rel=0.02)
    touched = cv2.dilate(person(), np.ones((5, 5), np.uint8)) > 0
    assert not (added & touched).any()


def test_a_jagged_edge_stays_within_its_amplitude() -> None:
    (damaged,) = damage_burst("jagged_edge", [person()], 1.0, rng())
    pixel = np.hypot(180, 240) / np.hypot(854, 480)
    distance = cv2.distanceTransform(255 - person(), cv2.DIST_L2, 5) + cv2.distanceTransform(person(), cv2.DIST_L2, 5)
    wrong = as_mask(damaged) ^ as_mask(person())
    assert wrong.any()
    assert distance[wrong].max() <= 8 * pixel * np.sqrt(2) + 1.5

    def length(mask: Grey) -> float:
        return sum(cv2.arcLength(c, True) for c in cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)[0])

    assert length((damaged >= 128).astype(np.uint8)) > 1.05 * length(person())


def test_lag_shows_earlier_masks_and_moves_back_before_the_first() -> None:
    masks = walk(6, step=6.0)
    damaged = damage_burst("lag", masks, 2 / 12, rng())  # two frames
    for index in (2, 3, 4, 5):
        np.testing.assert_array_equal(damaged[index], masks[index - 2])
    assert iou(damaged[0], person(80 - 12)) > 0.97


def test_flicker_spares_frames_and_spoils_others() -> None:
    masks = walk(8)
    damaged = damage_burst("flicker", masks, 0.3, rng(1))
    changed = [not np.array_equal(a, b) for a, b in zip(damaged, masks, strict=True)]
    assert 2 <= sum(changed) <= 4


@pytest.mark.parametrize("kind", REGIONS)
def test_one_damage_moves_with_the_person(kind: str) -> None:
    masks = walk(5, step=7.0)
    damaged = damage_burst(kind, masks, 0.2, rng(3))
    wrong = [as_mask(a) ^ as_mask(b) for a, b in zip(damaged, masks, strict=True)]
    moved = np.roll(wrong[0], 4 * 7, axis=1)
    assert iou(moved, wrong[4]) > 0.85


@pytest.mark.parametrize("kind", TYPES)
def test_the_same_generator_gives_the_same_damage(kind: str) -> None:
    first, second = (damage_burst(kind, walk(), 0.3, rng(5)) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert any(not np.array_equal(a, b) for a, b in zip(first, walk(), strict=True))


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("bounds", [(0.5, 0.8), (0.8, 0.94)])
def test_damage_to_iou_keeps_its_promise(kind: str, bounds: tuple[float, float]) -> None:
    masks = walk()
    damaged = damage_to_iou(kind, masks, *bounds, rng(2))
    found = [iou(a, b) for a, b in zip(damaged, masks, strict=True) if not np.array_equal(a, b)]
    assert found and all(bounds[0] <= value <= bounds[1] for value in found)
    assert kind == "flicker" or len(found) == len(masks)


def test_damage_that_cannot_be_is_refused() -> None:
    full = np.full((60, 60), 255, np.uint8)
    with pytest.raises(ValueError, match="over_segmentation"):
        damage_to_iou("over_segmentation", [full], 0.5, 0.9, rng())
    with pytest.raises(ValueError, match="empty"):
        damage_burst("lag", [np.zeros((9, 9), np.uint8)], 0.5, rng())
    with pytest.raises(ValueError, match="no damage 'dust'"):
        damage_burst("dust", [person()], 0.5, rng())


def clip_of(masks: list[Grey], teachers: int = 5) -> Clip:
    """Every teacher sees the truth: at half size on the whole frame, the last one in a window that leaves the frame."""
    frames, votes = [], {f"teacher{index}": [] for index in range(teachers)}
    for time, mask in enumerate(masks):
        height, width = mask.shape
        key = {"source": "s", "clip": 0, "burst": 0, "time_us": time}
        frames.append(
            FrameRow(
                **key,
                path="a.mp4",
                name=str(time),
                width=width,
                height=height,
                source_width=width,
                source_height=height,
                image=encode_jpeg(np.repeat(mask[..., None], 3, axis=2)),
                blur=0.0,
                duplicate=0.0,
                subject="s",
                licences=[],
                origin="",
                split="",
                role="footage",
                mask=b"",
                truth=b"",
            )
        )
        half = cv2.resize(mask, (width // 2, height // 2), interpolation=cv2.INTER_AREA)
        wide = cv2.copyMakeBorder(mask, 20, 20, 40, 40, cv2.BORDER_CONSTANT)
        window = [-40 / width, -20 / height, 1 + 40 / width, 1 + 20 / height]
        for index, name in enumerate(votes):
            last = index == teachers - 1
            votes[name].append(
                VoteRow(
                    **key,
                    teacher=name,
                    windows=[window if last else [0.0, 0.0, 1.0, 1.0]],
                    maps=[encode_png(wide if last else half)],
                )
            )
    return Clip(tuple(frames), {}, {name: tuple(rows) for name, rows in votes.items()})


@pytest.mark.parametrize(("share", "count"), [(ONE, 1), (MOST, 3), (ALL, 5)])
def test_inject_spoils_that_share_of_the_teachers(share: float, count: int) -> None:
    clip = clip_of(walk(2))
    spoilt = inject("missed_region", clip, 0.3, rng(), share)
    assert sum(spoilt.votes[name] != clip.votes[name] for name in clip.votes) == count


@pytest.mark.parametrize("kind", REGIONS)
def test_inject_puts_one_and_the_same_damage_into_all_votes(kind: str) -> None:
    masks = walk(2)
    clip = clip_of(masks)
    spoilt = inject(kind, clip, 0.25, rng(4), ALL)
    half = as_mask(decode_grey(spoilt.votes["teacher0"][1].maps[0]))
    wide = as_mask(decode_grey(spoilt.votes["teacher4"][1].maps[0]))
    inside = cv2.resize(wide[20:-20, 40:-40].astype(np.uint8), half.shape[::-1], interpolation=cv2.INTER_AREA) > 0
    assert iou(half, inside) > 0.9
    truth = cv2.resize(masks[1], half.shape[::-1], interpolation=cv2.INTER_AREA)
    assert 0.7 < iou(half, truth) < 0.85


def test_inject_lag_shows_the_votes_of_an_earlier_frame() -> None:
    masks = walk(4)
    spoilt = inject("lag", clip_of(masks), 1 / 12, rng(), ALL)
    wide = decode_grey(spoilt.votes["teacher4"][3].maps[0])[20:-20, 40:-40]
    assert iou(wide, masks[2]) > 0.97
    assert spoilt.votes["teacher4"][3].time_us == 3
