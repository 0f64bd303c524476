import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pycocotools import mask as coco

from datasets.images import encode_png
from datasets.masks import mask_files, open_masks
from datasets.media import MediaError


def save(path: Path, value: int) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(encode_png(np.full((4, 6), value, np.uint8)))


def test_images_find_their_mask_by_stem(tmp_path: Path) -> None:
    save(tmp_path / "masks" / "b.png", 200)
    masks = open_masks(tmp_path / "masks", ordered=False)
    found = masks("b", 0)
    assert found is not None and found.max() == 200
    assert masks("a", 0) is None
    assert mask_files(tmp_path / "masks", "b") == [tmp_path / "masks" / "b.png"]
    assert mask_files(tmp_path / "masks", "a") == []


def test_video_masks_are_named_by_time_or_taken_in_natural_order(tmp_path: Path) -> None:
    save(tmp_path / "timed" / "000000040000.png", 40)
    timed = open_masks(tmp_path / "timed", ordered=True)
    assert timed("000000000000", 0) is None
    assert timed("000000040000", 1) is not None
    for index in (10, 9):
        save(tmp_path / "counted" / f"m{index}.png", index)
    counted = open_masks(tmp_path / "counted", ordered=True)
    values = [None if mask is None else int(mask.max()) for mask in (counted("x", index) for index in range(3))]
    assert values == [9, 10, None]


def test_a_single_png_belongs_to_the_photo_and_ones_are_stretched(tmp_path: Path) -> None:
    save(tmp_path / "mask.png", 1)
    masks = open_masks(tmp_path / "mask.png", ordered=False)
    found = masks("photo", 0)
    assert found is not None and found.min() == 255


def coco_file(path: Path, segmentations: list[Any]) -> Path:
    data = {
        "images": [{"id": 7, "file_name": "images/a.jpg", "width": 6, "height": 4}],
        "categories": [{"id": 1, "name": "person"}, {"id": 2, "name": "dog"}],
        "annotations": [
            {"image_id": 7, "category_id": 1 if kind == "person" else 2, "segmentation": segmentation}
            for kind, segmentation in segmentations
        ],
    }
    path.write_text(json.dumps(data))
    return path


@given(st.lists(st.booleans(), min_size=24, max_size=24))
def test_coco_rle_round_trip(tmp_path_factory: pytest.TempPathFactory, bits: list[bool]) -> None:
    mask = np.array(bits, np.uint8).reshape(4, 6)
    code = coco.encode(np.asfortranarray(mask))
    packed = {"size": code["size"], "counts": code["counts"].decode()}
    path = coco_file(tmp_path_factory.mktemp("coco") / "a.json", [("person", packed)])
    found = open_masks(path, ordered=False)("a", 0)
    assert found is not None
    np.testing.assert_array_equal(found, mask * 255)


def test_coco_people_are_united_and_dogs_left_out(tmp_path: Path) -> None:
    left = [[0, 0, 2, 0, 2, 4, 0, 4]]  # columns 0-1
    last = {"size": [4, 6], "counts": [20, 4]}  # uncompressed, by columns: column 5
    dog = {"size": [4, 6], "counts": [8, 8, 8]}
    path = coco_file(tmp_path / "a.json", [("person", left), ("person", last), ("dog", dog)])
    found = open_masks(path, ordered=False)("a", 0)
    assert found is not None
    assert (found[1] > 0).tolist() == [True, True, False, False, False, True]


@pytest.mark.parametrize("content", ["not json", "[]", '{"images": []}'])
def test_bad_masks_name_the_file(tmp_path: Path, content: str) -> None:
    path = tmp_path / "notes.json"
    path.write_text(content)
    with pytest.raises(MediaError, match=r"notes\.json"):
        open_masks(path, ordered=False)
    with pytest.raises(MediaError, match="no masks here"):
        open_masks(tmp_path / "nowhere", ordered=False)
    (tmp_path / "x.png").write_bytes(b"no image")
    with pytest.raises(MediaError, match=r"x\.png"):
        open_masks(tmp_path / "x.png", ordered=False)("photo", 0)


@pytest.mark.timeout(20)
def test_a_pipe_among_masks_is_passed_over(tmp_path: Path) -> None:
    save(tmp_path / "0.png", 255)
    os.mkfifo(tmp_path / "1.png")
    masks = open_masks(tmp_path, ordered=True)
    assert masks("", 0) is not None
    assert masks("", 1) is None


def test_masks_that_announce_more_than_fits_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "0.png", 255)
    bomb = bytearray((tmp_path / "0.png").read_bytes())
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    (tmp_path / "0.png").write_bytes(bomb)
    with pytest.raises(MediaError, match=r"0\.png: announces 60000x60000") as caught:
        open_masks(tmp_path, ordered=True)("", 0)
    assert caught.value.reason == "bad_mask"
    images = [{"id": 1, "file_name": "a.png", "height": 10**6, "width": 10**6}]
    (tmp_path / "all.json").write_text(json.dumps({"images": images, "annotations": []}))
    with pytest.raises(MediaError, match=r"all\.json: an image of 1000000x1000000") as caught:
        open_masks(tmp_path / "all.json", ordered=True)("", 0)
    assert caught.value.reason == "bad_mask"
