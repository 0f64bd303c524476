"""COCO files as pycocotools reads them, and as our own footage does."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO

from datasets.export_coco import CocoWriter
from datasets.exports import export
from datasets.images import decode_rgb, encode_png
from datasets.masks import open_masks
from tests.datasets.curated import SIZE, WEIGHTS, alpha_of, curated, write_shards

EMPTY = encode_png(np.full(SIZE, 127, np.uint8))


@pytest.fixture
def out(tmp_path: Path) -> Path:
    rows = [curated(number) for number in range(9)]
    rows[3] = curated(3, alpha=EMPTY, image=encode_png(decode_rgb(rows[3].image)))
    rows[6] = curated(6, licences=["MIT", "CC-BY-4.0"])
    shards = write_shards(tmp_path / "shards", rows)
    export(shards, tmp_path / "out", CocoWriter, allowed=["MIT", "CC-BY-4.0"], weights=WEIGHTS)
    return tmp_path / "out"


def test_pycocotools_reads_every_mask(out: Path) -> None:
    seen = 0
    for split, first in (("train", 0), ("val", 1), ("test", 2)):
        coco = COCO(str(out / "annotations" / f"{split}.json"))
        assert coco.loadCats(coco.getCatIds())[0]["name"] == "person"
        for image in coco.loadImgs(coco.getImgIds()):
            number = image["time_us"] // 40_000
            assert number % 3 == first and image["split"] == split
            assert decode_rgb((out / "images" / split / image["file_name"]).read_bytes()).shape[:2] == SIZE
            annotations = coco.loadAnns(coco.getAnnIds(imgIds=image["id"]))
            expected = alpha_of(number) > 127
            if number == 3:
                assert not annotations and image["file_name"].endswith(".png")
                continue
            (annotation,) = annotations
            np.testing.assert_array_equal(coco.annToMask(annotation), expected)
            assert isinstance(annotation["segmentation"]["counts"], str) and annotation["iscrowd"] == 0
            assert annotation["area"] == expected.sum()
            seen += 1
    assert seen == 8


def test_licences_groups_and_weights_are_carried(out: Path) -> None:
    data = json.loads((out / "annotations" / "train.json").read_text(encoding="utf-8"))
    names = {licence["id"]: licence for licence in data["licenses"]}
    assert [names[image["license"]]["name"] for image in data["images"]] == ["MIT", "MIT", "CC-BY-4.0 AND MIT"]
    assert names[data["images"][0]["license"]]["url"] == "https://spdx.org/licenses/MIT.html"
    assert names[data["images"][2]["license"]]["url"] == ""
    assert data["images"][2]["licences"] == ["CC-BY-4.0", "MIT"]
    assert [(image["group"], image["weight"]) for image in data["images"]] == [
        ("silver", 0.8), ("gold", 1.0), ("silver", 0.8),
    ]  # fmt: skip
    assert sorted(path.name for path in (out / "annotations").iterdir()) == ["test.json", "train.json", "val.json"]


def test_it_can_be_the_masks_of_footage_again(out: Path) -> None:
    masks = open_masks(out / "annotations" / "test.json", ordered=False)
    stem = sorted((out / "images" / "test").iterdir())[0].stem
    found = masks(stem, 0)
    assert found is not None
    np.testing.assert_array_equal(found > 0, alpha_of(2) > 127)
