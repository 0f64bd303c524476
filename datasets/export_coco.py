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
    """Writes into `folder`. Annotations go to the disk at once; of an image only its facts stay in memory."""

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
    """One annotation file. The annotations wait in a file of their own, for COCO's images stand before them."""

    def __init__(self, folder: Path, split: str) -> None:
        self._images = folder / "images" / split
        self._path = folder / "annotations" / f"{split}.json"
        self._path.parent.mkdir(exist_ok=True)
        self._waiting = self._path.with_suffix(".waiting")
        self._annotations = self._waiting.open("w+", encoding="utf-8")
        self._facts: list[dict[str, Any]] = []
        self._licences: dict[tuple[str, ...], int] = {}
        self._count = 0

    def add(self, row: CuratedRow, facts: dict[str, Any]) -> None:
        name = file_stem(row) + image_suffix(row.image)
        save(self._images / name, row.image)
        licences = tuple(facts["licences"])
        image = {
            "id": len(self._facts) + 1,
            "file_name": name,
            "license": self._licences.setdefault(licences, len(self._licences) + 1),
        }
        self._facts.append(image | facts)
        mask = encode_coco(decode_grey(row.alpha) > THRESHOLD)
        if not mask.area:
            return
        self._count += 1
        annotation = {
            "id": self._count, "image_id": image["id"], "category_id": PERSON["id"], "iscrowd": 0,
            "area": mask.area, "bbox": mask.box, "segmentation": mask.rle,
        }  # fmt: skip
        self._annotations.write((",\n" if self._count > 1 else "") + as_json(annotation))

    def finish(self) -> None:
        licences = [
            {"id": number, "name": " AND ".join(names), "url": _address(names)}
            for names, number in self._licences.items()
        ]
        with self._path.open("w", encoding="utf-8") as file:
            file.write('{"info": ' + as_json({"description": "Curated by autoroto", "split": self._path.stem}))
            file.write(f',\n"licenses": {as_json(licences)},\n"categories": {as_json([PERSON])},\n"images": [')
            file.write(",\n".join(map(as_json, self._facts)))
            file.write('],\n"annotations": [')
            _append(file, self._annotations)
            file.write("]}\n")
        self._waiting.unlink()


def _append(file: IO[str], waiting: IO[str]) -> None:
    waiting.seek(0)
    shutil.copyfileobj(waiting, file)
    waiting.close()


def _address(licences: tuple[str, ...]) -> str:
    """SPDX's page on a single, public licence, else ""."""
    name = licences[0]
    public = len(licences) == 1 and name != UNKNOWN and not name.startswith("LicenseRef-")
    return f"https://spdx.org/licenses/{name}.html" if public else ""
