import numpy as np
from numpy.typing import NDArray

from datasets.images import Image
from stages.clean_plate import clean_plate


def room(seed: int = 0) -> Image:
    coarse = np.random.default_rng(seed).integers(40, 216, (6, 8, 3), dtype=np.uint8)
    return np.kron(coarse, np.ones((8, 8, 1), np.uint8))


def walker(count: int, width: int = 12) -> tuple[list[Image], list[NDArray[np.bool_]]]:
    """A red person walking through the room, and where."""
    frames, people = [], []
    for index in range(count):
        mask = np.zeros((48, 64), np.bool_)
        left = index * (64 - width) // (count - 1)
        mask[10:, left : left + width] = True
        frame = room()
        frame[mask] = (255, 0, 0)
        frames.append(frame)
        people.append(mask)
    return frames, people


def test_a_walker_leaves_no_trace() -> None:
    plate = clean_plate(*walker(12))
    np.testing.assert_array_equal(plate.image, room())
    assert plate.coverage == 1.0
    assert plate.moving == 0.0


def test_noise_is_averaged_out_by_the_median() -> None:
    rng = np.random.default_rng(0)
    clean = room().astype(int)
    frames = [np.clip(clean + rng.normal(0, 6, clean.shape), 0, 255).astype(np.uint8) for _ in range(21)]
    plate = clean_plate(frames, [np.zeros((48, 64), np.bool_)] * 21)
    assert np.abs(plate.image - clean).mean() < 2.5
    assert plate.moving < 0.01


def test_what_nobody_saw_is_counted_and_filled_from_its_rim() -> None:
    frames = [np.full((48, 64, 3), 100, np.uint8) for _ in range(5)]
    hidden = np.zeros((48, 64), np.bool_)
    hidden[12:36, 16:48] = True
    for frame in frames:
        frame[hidden] = 250
    plate = clean_plate(frames, [hidden] * 5)
    assert plate.coverage == 0.75
    assert np.abs(plate.image.astype(int) - 100).max() <= 5


def test_a_panning_camera_is_noticed() -> None:
    wide = np.concatenate([room(0), room(1)], axis=1)
    frames = [np.ascontiguousarray(wide[:, 3 * index : 3 * index + 64]) for index in range(12)]
    assert clean_plate(frames, [np.zeros((48, 64), np.bool_)] * 12).moving > 0.3


def test_a_person_everywhere_leaves_nothing() -> None:
    plate = clean_plate([room()] * 4, [np.ones((48, 64), np.bool_)] * 4)
    assert (plate.coverage, plate.moving) == (0.0, 0.0)
