"""The curated data set in COCO's format: RLE masks, not polygons, which would cut off hair and fill holes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import IO, Any

from datasets.coco_rle import encode_coco
from datasets.exports import Exported, as_json, describe, file_stem, image_suffix, save
from datasets.images import decode_grey
from datasets.licences import UNKNOWN
from datasets.schema import CuratedRow

THRESHOLD = 127
"""COCO masks are binary: alpha above this is person."""
PERSON = {"id": 1, "name": "person", "supercategory": "person"}

_TEXT = """COCO format: `annotations/SPLIT.json`, images in `images/SPLIT/`. An image has at most one annotation, RLE of
category `person`: all people in it together, where alpha is above 127. Images carry, beside COCO's own fields,
group, weights, licences (all of them; COCO's `license` is an entry for that set) and where they come from."""


class CocoWriter:
    """Writes into `folder`. Nothing of a frame stays in memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._splits: dict[str, _Split] = {}

    def add(self, row: CuratedRow, facts: dict[str, Any]) -> None:
        if row.split not in self._splits:
            self._splits[row.split] = _Split(self._folder, row.split)
        self._splits[row.split].add(row, facts)

    def finish(self, exported: Exported) -> None:
        for split in self._splits.values():
            split.finish()
        (self._folder / "README.md").write_text(describe(exported, _TEXT), encoding="utf-8")


class _Split:
    """One annotation file: images as they come, then the annotations, which wait in a file of their own."""

    def __init__(self, folder: Path, split: str) -> None:
        self._pictures = folder / "images" / split
        path = folder / "annotations" / f"{split}.json"
        path.parent.mkdir(exist_ok=True)
        self._waiting = path.with_suffix(".waiting")
        self._annotations = self._waiting.open("w+", encoding="utf-8")
        self._file = path.open("w", encoding="utf-8")
        info = {"description": "Curated by autoroto", "split": split}
        self._file.write(f'{{"info": {as_json(info)},\n"categories": {as_json([PERSON])},\n"images": [')
        self._licences: dict[tuple[str, ...], int] = {}
        self._images = self._masks = 0

    def add(self, row: CuratedRow, facts: dict[str, Any]) -> None:
        name = file_stem(row) + image_suffix(row.image)
        save(self._pictures / name, row.image)
        licence = self._licences.setdefault(tuple(facts["licences"]), len(self._licences) + 1)
        self._images += 1
        image = {"id": self._images, "file_name": name, "license": licence}
        _add(self._file, self._images, image | facts)
        mask = encode_coco(decode_grey(row.alpha) > THRESHOLD)
        if not mask.area:
            return
        self._masks += 1
        annotation = {
            "id": self._masks, "image_id": self._images, "category_id": PERSON["id"], "iscrowd": 0,
            "area": mask.area, "bbox": mask.box, "segmentation": mask.rle,
        }  # fmt: skip
        _add(self._annotations, self._masks, annotation)

    def finish(self) -> None:
        licences = [
            {"id": number, "name": " AND ".join(names), "url": _address(names)}
            for names, number in self._licences.items()
        ]
        with self._file as file, self._annotations as waiting:
            file.write('],\n"annotations": [')
            waiting.seek(0)
            shutil.copyfileobj(waiting, file)
            file.write(f'],\n"licenses": {as_json(licences)}}}\n')
        self._waiting.unlink()


def _add(file: IO[str], number: int, entry: dict[str, Any]) -> None:
    """The `number`-th entry of a list, counted from 1."""
    file.write((",\n" if number > 1 else "") + as_json(entry))


def _address(licences: tuple[str, ...]) -> str:
    """SPDX's page on a single, public licence, else ""."""
    name = licences[0]
    public = len(licences) == 1 and name != UNKNOWN and not name.startswith("LicenseRef-")
    return f"https://spdx.org/licenses/{name}.html" if public else ""
