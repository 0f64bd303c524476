import math

import cv2
import numpy as np
import pytest
import scipy.ndimage

from qa.metrics import (
    as_mask,
    as_unit,
    boundary,
    boundary_f,
    boundary_iou,
    boundary_tolerance,
    class_areas,
    fg_iou_image_mean,
    iou,
    miou2_dataset,
    miou2_of_areas,
    within,
)


def square(top: int, left: int, side: int, size: int) -> np.ndarray:
    mask = np.zeros((size, size), np.bool_)
    mask[top : top + side, left : left + side] = True
    return mask


# 4 x 4: truth is the 2 x 2 centre; the prediction is shifted right by one: 2 pixels shared of 6.
CENTRE = square(1, 1, 2, 4)
SHIFTED = square(1, 2, 2, 4)


def test_threshold_is_one_half_for_every_dtype():
    np.testing.assert_array_equal(as_mask(np.array([[127, 128]], np.uint8)), [[False, True]])
    np.testing.assert_array_equal(as_mask(np.array([[0.49, 0.5]])), [[False, True]])
    np.testing.assert_array_equal(as_mask(np.array([[False, True]])), [[False, True]])


def test_unit_scales_bytes_and_refuses_floats_beyond_one():
    np.testing.assert_allclose(as_unit(np.array([[0, 51, 255]], np.uint8)), [[0, 0.2, 1]])
    with pytest.raises(ValueError, match="divide by 255"):
        as_unit(np.array([[0.0, 255.0]]))


def test_iou_by_hand():
    assert iou(SHIFTED, CENTRE) == pytest.approx(2 / 6)
    assert iou(CENTRE, CENTRE) == 1
    assert iou(np.zeros((4, 4)), np.zeros((4, 4))) == 1
    assert iou(np.zeros((4, 4)), CENTRE.astype(float)) == 0


def test_iou_names_both_shapes():
    with pytest.raises(ValueError, match=r"\(4, 4\).*\(5, 5\)"):
        iou(CENTRE, square(1, 1, 2, 5))


def test_the_two_mious_differ():
    # Image 1 is right (4 of 4 foreground pixels), image 2 misses its single pixel.
    single = square(0, 0, 1, 4)
    pairs = [(CENTRE, CENTRE), (np.zeros((4, 4), np.bool_), single)]
    assert fg_iou_image_mean(pairs) == pytest.approx((1 + 0) / 2)
    # Summed areas: foreground 4 of 5; background 12 + 15 shared of 12 + 16.
    assert miou2_dataset(pairs) == pytest.approx((4 / 5 + 27 / 28) / 2)
    for metric in (fg_iou_image_mean, miou2_dataset):
        with pytest.raises(ValueError, match="at least one"):
            metric([])


def test_boundary_by_hand():
    # Pixels that differ from their right, lower or lower right neighbour: the ring's upper left side.
    expected = [[1, 1, 1, 0], [1, 0, 1, 0], [1, 1, 1, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(boundary(CENTRE), np.array(expected, np.bool_))


def test_image_sides_are_no_boundary():
    assert not boundary(np.ones((4, 4), np.bool_)).any()


def test_tolerance_follows_the_diagonal():
    assert boundary_tolerance((144, 256)) == 3
    assert boundary_tolerance((480, 854)) == 8
    assert boundary_tolerance((3, 4)) == 1


def test_within_is_dilation_by_a_disk():
    rng = np.random.default_rng(5)
    points = rng.random((40, 50)) < 0.01
    for radius in (1, 3, 8, 9, 12):
        y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
        disk = (x**2 + y**2 <= radius**2).astype(np.uint8)
        np.testing.assert_array_equal(within(points, radius), cv2.dilate(points.astype(np.uint8), disk) > 0)
        assert not within(points & False, radius).any()


def test_boundary_f_by_hand():
    # The ring of CENTRE is rows 0 and 2 at columns 0-2 and row 1 at columns 0 and 2. The ring of SHIFTED is the same a
    # column to the right, but the image's side is no boundary: rows 0 and 2 at columns 1-3 and row 1 at column 1.
    shared = len({(0, 1), (0, 2), (2, 1), (2, 2)})
    precision, recall = shared / 7, shared / 8
    assert boundary_f(SHIFTED, CENTRE, tolerance=0) == pytest.approx(2 * precision * recall / (precision + recall))
    assert boundary_f(SHIFTED, CENTRE, tolerance=1) == 1


def test_boundary_f_of_masks_without_boundary():
    empty = np.zeros((4, 4), np.bool_)
    assert boundary_f(empty, ~empty) == 1
    assert boundary_f(empty, CENTRE) == 0
    assert boundary_f(CENTRE, empty) == 0


def test_boundary_f_drops_beyond_the_tolerance():
    truth = square(20, 20, 60, 100)
    radius = boundary_tolerance(truth.shape)
    assert boundary_f(square(20, 20 + radius, 60, 100), truth) == 1
    assert boundary_f(square(20, 20 + radius + 1, 60, 100), truth) < 0.95


def test_boundary_iou_by_hand():
    # 50 x 50: the diagonal is 70.7, so d = 1. A square of 10 has a ring of 36; shifted by one it shares rows 0 and 9
    # (9 each) with itself and no column but the two crossings of rows: 18 of 54.
    truth, pred = square(20, 20, 10, 50), square(20, 21, 10, 50)
    assert math.hypot(50, 50) * 0.02 == pytest.approx(1.41, abs=0.01)
    assert boundary_iou(truth, truth) == 1
    assert boundary_iou(pred, truth) == pytest.approx(18 / 54)


def test_boundary_iou_sides_count_unless_ignored():
    # A full image against one that lacks its left column: d = 1 on 50 x 50.
    full = np.ones((50, 50), np.bool_)
    pred = full.copy()
    pred[:, 0] = False
    # Rings of 196 and (50 + 49) * 2 - 4 = 194 pixels; shared: top and bottom rows of 49, right column of 48.
    assert boundary_iou(pred, full) == pytest.approx(146 / (196 + 194 - 146))
    assert boundary_iou(pred, full, ignore_sides=True) == 0
    assert boundary_iou(full, full, ignore_sides=True) == 1


def blobs(seed: int, shape: tuple[int, int] = (60, 80)) -> np.ndarray:
    """Random smooth blobs, some of which touch the sides."""
    noise = cv2.GaussianBlur(np.random.default_rng(seed).random(shape), (0, 0), 5)
    return noise > np.quantile(noise, 0.6)


PAIRS = [(blobs(seed), blobs(seed) ^ (blobs(seed + 50) & blobs(seed + 99))) for seed in range(4)]


def test_iou_and_both_mious_agree_with_a_confusion_matrix():
    """PaddleSeg sums one confusion matrix over the set; per image its foreground row gives the plain IoU."""

    def confusion(pred: np.ndarray, truth: np.ndarray) -> np.ndarray:
        matrix = np.zeros((2, 2))
        for p, g in zip(pred.ravel(), truth.ravel(), strict=True):
            matrix[int(g), int(p)] += 1
        return matrix

    def ious(matrix: np.ndarray) -> np.ndarray:
        return np.diag(matrix) / (matrix.sum(0) + matrix.sum(1) - np.diag(matrix))

    matrices = [confusion(pred, truth) for pred, truth in PAIRS]
    for (pred, truth), matrix in zip(PAIRS, matrices, strict=True):
        assert iou(pred, truth) == pytest.approx(ious(matrix)[1])
    assert fg_iou_image_mean(PAIRS) == pytest.approx(np.mean([ious(matrix)[1] for matrix in matrices]))
    assert miou2_dataset(PAIRS) == pytest.approx(ious(np.sum(matrices, axis=0)).mean())


@pytest.mark.parametrize("radius", [0, 2, 5])
def test_boundary_f_agrees_with_a_search_over_all_boundary_pixels(radius: int):
    for pred, truth in PAIRS:
        found, wanted = (np.argwhere(boundary(mask)) for mask in (pred, truth))
        distances = np.linalg.norm(found[:, None] - wanted[None], axis=2)
        precision = np.mean(distances.min(axis=1) <= radius)
        recall = np.mean(distances.min(axis=0) <= radius)
        expected = 2 * precision * recall / (precision + recall)
        assert boundary_f(pred, truth, tolerance=radius) == pytest.approx(expected)


@pytest.mark.parametrize("ignore_sides", [False, True])
def test_boundary_iou_agrees_with_the_papers_repeated_erosion(ignore_sides: bool):
    """The authors' code erodes d times by 3 x 3 after padding with background; padded with the mask: sides apart."""
    for pred, truth in PAIRS:
        steps = round(0.02 * math.hypot(*truth.shape))

        def ring(mask: np.ndarray, steps: int = steps) -> np.ndarray:
            core = scipy.ndimage.binary_erosion(mask, np.ones((3, 3)), iterations=steps, border_value=ignore_sides)
            return mask & ~core

        p, g = ring(pred), ring(truth)
        assert boundary_iou(pred, truth, ignore_sides=ignore_sides) == pytest.approx((p & g).sum() / (p | g).sum())


def test_class_areas_by_hand():
    # 4 x 4: the squares share 2 pixels of 6; the background shares 10 of 14.
    assert class_areas(SHIFTED, CENTRE) == (10, 14, 2, 6)
    assert miou2_of_areas([class_areas(SHIFTED, CENTRE)]) == pytest.approx((10 / 14 + 2 / 6) / 2)
