import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco

from datasets.coco_rle import CocoRleError, decode_coco, encode_coco

MASKS = arrays.arrays(
    np.uint8, st.tuples(st.integers(1, 20), st.integers(1, 20)), elements=st.sampled_from([0, 1, 255])
)


def test_three_columns_by_hand() -> None:
    mask = np.array([[0, 255, 0], [0, 255, 255]], np.uint8)  # down the columns: 2 off, 2 on, 1 off, 1 on
    found = encode_coco(mask)
    # runs 2 2 1 1; from the fourth on less the run before the last one: 2 2 1 -1; 48 + 2, 2, 1, and 31 for -1
    assert found.rle == {"size": [2, 3], "counts": "221O"}
    assert (found.area, found.box) == (3, [1.0, 0.0, 2.0, 2.0])
    np.testing.assert_array_equal(decode_coco(found.rle), mask // 255)


@settings(deadline=None, max_examples=50)
@given(MASKS)
def test_through_json_and_back(mask: np.ndarray) -> None:
    found = encode_coco(mask)
    np.testing.assert_array_equal(decode_coco(json.loads(json.dumps(found.rle))), mask > 0)
    np.testing.assert_array_equal(coco.decode(found.rle), mask > 0)
    assert found.area == (mask > 0).sum()
    x, y, width, height = map(int, found.box)
    assert np.count_nonzero(mask[y : y + height, x : x + width]) == found.area
    assert encode_coco(mask > 0) == found


def test_runs_of_no_length_are_whole() -> None:
    # 2 off, 0 on, 1 off, 3 on: written as 2, 0, 1 and 3 - 0
    for counts in ("2013", [2, 0, 1, 3]):
        assert decode_coco({"size": [2, 3], "counts": counts}).T.ravel().tolist() == [0, 0, 0, 1, 1, 1]


def test_a_large_mask_of_long_runs() -> None:
    mask = np.zeros((1080, 1920), np.uint8)
    mask[:, 300:1500] = 1
    mask[500:, 700] = 0
    np.testing.assert_array_equal(decode_coco(encode_coco(mask).rle), mask)


@settings(deadline=None, max_examples=50)
@given(MASKS.filter(lambda mask: mask.any() and mask.shape[1] > 1), st.data())
def test_counts_that_are_cut_off_are_an_error(mask: np.ndarray, data: st.DataObject) -> None:
    rle = encode_coco(mask).rle
    length = data.draw(st.integers(0, len(rle["counts"]) - 1))
    with pytest.raises(CocoRleError, match="COCO RLE"):
        decode_coco(rle | {"counts": rle["counts"][:length]})


@pytest.mark.parametrize(
    "rle",
    [
        None, [], {}, {"size": [2, 3]}, {"size": [2], "counts": "221O"}, {"size": [2, 3], "counts": "22é"},
        {"size": [2, 3], "counts": "22\x001"}, {"size": [2, 3], "counts": "221o"},
        {"size": [2, 3], "counts": "oooooooo0"}, {"size": [2, 3], "counts": [2, 2]},
        {"size": [2, 3], "counts": [2, 5, -1]}, {"size": [2, 3], "counts": [[6]]},
        {"size": [2, 3], "counts": [2**63, 6]}, {"size": [2**20, 2**20], "counts": [2**40]},
        {"size": [0, 0], "counts": ""},
        {"size": [9, 9], "counts": "221O"}, {"size": [1, 3], "counts": "221O"}, {"size": [-2, -3], "counts": "221O"},
    ],
)  # fmt: skip
def test_damaged_rle(rle: object) -> None:
    with pytest.raises(CocoRleError):
        decode_coco(rle)


def test_only_masks_are_encoded() -> None:
    with pytest.raises(CocoRleError, match=r"\(2, 2, 3\)"):
        encode_coco(np.zeros((2, 2, 3), np.uint8))
    with pytest.raises(CocoRleError, match=r"\(0, 3\)"):
        encode_coco(np.zeros((0, 3), np.uint8))
