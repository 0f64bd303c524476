import cv2
import numpy as np
import pytest

from datasets.images import Image, decode_grey, decode_rgb
from datasets.media import MediaError
from stages.bursts import Place
from stages.frames import Footage, RowWriter, Storage, difference_hash, sharpness

FOOTAGE = Footage("s" * 64, "a.mp4", "anna", ("MIT", "CC0-1.0"), "a friend", "train", "footage")


def noise(seed: int, shape: tuple[int, int] = (60, 90)) -> Image:
    return np.random.default_rng(seed).integers(0, 256, (*shape, 3), dtype=np.uint8)


def test_the_difference_hash_of_a_ramp() -> None:
    ramp = np.tile(np.linspace(0, 255, 90).astype(np.uint8), (60, 1))
    rising = np.dstack([ramp] * 3)
    assert not difference_hash(rising).any()
    assert difference_hash(rising[:, ::-1]).all()


def test_blurring_lowers_sharpness() -> None:
    image = noise(0)
    assert sharpness(np.asarray(cv2.GaussianBlur(image, (0, 0), 2), np.uint8)) < sharpness(image) / 100
    assert sharpness(np.full_like(image, 90)) == 0


def test_rows_carry_sizes_statistics_and_licences() -> None:
    writer = RowWriter(FOOTAGE, Storage(45, "png", 95))
    row = writer.row(noise(0), Place(2, 1, True), time_us=5, name="n", licences=("BSD-3-Clause",))
    assert (row.width, row.height, row.source_width, row.source_height) == (45, 30, 90, 60)
    assert (row.clip, row.burst, row.time_us, row.path) == (2, 1, 5, "a.mp4")
    assert row.licences == ["BSD-3-Clause", "CC0-1.0", "MIT"]
    assert decode_rgb(row.image).shape == (30, 45, 3)
    assert (row.mask, row.truth) == (b"", b"")


def test_duplicates_are_told_within_a_burst_only() -> None:
    writer = RowWriter(FOOTAGE, Storage(90, "jpeg", 95))
    distances = [
        writer.row(noise(seed), Place(0, burst, first), time_us=index, name="").duplicate
        for index, (seed, burst, first) in enumerate([(0, 0, True), (0, 0, False), (1, 0, False), (1, 1, True)])
    ]
    assert distances[0] == distances[3] == 64
    assert distances[1] == 0
    assert 10 < distances[2] < 54


def test_png_storage_is_lossless_and_truth_is_averaged() -> None:
    truth = np.zeros((60, 90), np.uint8)
    truth[:, 45:] = 255
    row = RowWriter(FOOTAGE, Storage(90, "png", 95)).row(noise(3), Place(0, 0, True), time_us=0, name="", truth=truth)
    np.testing.assert_array_equal(decode_rgb(row.image), noise(3))
    np.testing.assert_array_equal(decode_grey(row.truth), truth)


def test_masks_are_resized_without_new_values_and_must_have_the_frames_shape() -> None:
    writer = RowWriter(FOOTAGE, Storage(45, "png", 95))
    mask = np.random.default_rng(0).choice(np.array([0, 255], np.uint8), (120, 180))
    row = writer.row(noise(0), Place(0, 0, True), time_us=0, name="", mask=mask)
    stored = decode_grey(row.mask)
    assert stored.shape == (30, 45)
    assert set(np.unique(stored)) == {0, 255}
    with pytest.raises(MediaError, match=r"a\.mp4 frame n: its mask is 60x90") as caught:
        writer.row(noise(0), Place(0, 0, True), time_us=0, name="n", mask=np.ones((90, 60), np.uint8))
    assert caught.value.reason == "bad_mask"
