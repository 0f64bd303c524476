"""The curated data set as folders of images and alphas, with one line of JSON a frame."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from datasets.exports import Exported, as_json, describe, file_stem, image_suffix, save
from datasets.schema import CuratedRow

_TEXT = """`SPLIT/images/NAME.jpg` is a frame, `SPLIT/alphas/NAME.png` its alpha (8 bits, 255 = person), `SPLIT/trusts/`
how far each pixel of it is to be trusted (255 = sure, 0 = ignore), `SPLIT/truths/` the exact alpha of those test
frames that have one. All four are of one size. `frames.jsonl` has a line for every frame: its files, where it
comes from, split, group, weights, licences."""


class FolderWriter:
    """Writes into `folder`: pictures as the shards hold them, byte for byte, and `frames.jsonl`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._index = (folder / "frames.jsonl").open("w", encoding="utf-8")

    def add(self, row: CuratedRow, facts: dict[str, Any]) -> None:
        stem = file_stem(row)
        files = {"image": self._save(f"{row.split}/images/{stem}{image_suffix(row.image)}", row.image)}
        for name in ("alpha", "trust", "truth"):
            data: bytes = getattr(row, name)
            if data:
                files[name] = self._save(f"{row.split}/{name}s/{stem}.png", data)
        self._index.write(as_json(files | facts) + "\n")

    def finish(self, exported: Exported) -> None:
        self._index.close()
        (self._folder / "README.md").write_text(describe(exported, _TEXT), encoding="utf-8")

    def _save(self, name: str, data: bytes) -> str:
        save(self._folder / name, data)
        return name
