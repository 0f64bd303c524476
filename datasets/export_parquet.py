"""The curated data set as Parquet with pictures inside, laid out as Hugging Face's loader and hub expect it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from datasets.exports import Exported, describe, file_stem, image_suffix
from datasets.schema import CuratedRow

FILE_BYTES = 500 * 2**20
"""A file is closed when its pictures have reached this."""
ROW_GROUP = 32
"""Rows a row group: what a reader that streams holds at once."""
SPLIT_NAMES = {"train": "train", "val": "validation", "test": "test"}
"""Splits as that loader calls them; files and the column `split` keep our names."""

_PICTURE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_PICTURES = ("image", "alpha", "trust", "truth")
_FACTS: dict[str, pa.DataType] = {
    "source": pa.string(), "time_us": pa.int64(), "clip": pa.int64(), "burst": pa.int64(), "path": pa.string(),
    "name": pa.string(), "width": pa.int64(), "height": pa.int64(), "split": pa.string(), "group": pa.string(),
    "role": pa.string(), "label_source": pa.string(), "quality": pa.float64(), "error": pa.string(),
    "scenarios": pa.list_(pa.string()), "subject": pa.string(), "licences": pa.list_(pa.string()),
    "weight": pa.float64(), "band_weight": pa.float64(),
}  # fmt: skip
_VALUES = {pa.string(): "string", pa.int64(): "int64", pa.float64(): "float64"}

_TEXT = """`image` is a frame, `alpha` its alpha (8 bits, 255 = person), `trust` how far each pixel of it is to be
trusted (255 = sure, 0 = ignore), `truth` the exact alpha of those test frames that have one. All are of one size."""


def schema() -> pa.Schema:
    """Pictures as `{bytes, path}`, then the facts; the metadata tell the loader which columns are pictures."""
    fields = [(name, _PICTURE) for name in _PICTURES] + list(_FACTS.items())
    features: dict[str, Any] = {name: {"_type": "Image"} for name in _PICTURES}
    for name, kind in _FACTS.items():
        features[name] = [_value(kind.value_type)] if isinstance(kind, pa.ListType) else _value(kind)
    return pa.schema(fields, metadata={"huggingface": json.dumps({"info": {"features": features}})})


class ParquetWriter:
    """Writes `data/SPLIT-NNNNN.parquet` and a card, `README.md`, into `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "data").mkdir()
        self._splits: dict[str, _Split] = {}

    def add(self, row: CuratedRow, facts: dict[str, Any]) -> None:
        if row.split not in self._splits:
            self._splits[row.split] = _Split(self._folder / "data", row.split)
        self._splits[row.split].add(row, facts)

    def finish(self, exported: Exported) -> None:
        for split in self._splits.values():
            split.close()
        card = _card(exported) + describe(exported, _TEXT)
        (self._folder / "README.md").write_text(card, encoding="utf-8")


class _Split:
    """The files of one split, the next one opened when one is full."""

    def __init__(self, folder: Path, split: str) -> None:
        self._folder, self._split = folder, split
        self._number, self._bytes = 0, 0
        self._rows: list[dict[str, Any]] = []
        self._file: pq.ParquetWriter | None = None

    def add(self, row: CuratedRow, facts: dict[str, Any]) -> None:
        stem = file_stem(row)
        pictures: dict[str, Any] = {
            name: {"bytes": data, "path": f"{stem}{image_suffix(data)}"} if (data := getattr(row, name)) else None
            for name in _PICTURES
        }
        self._rows.append(pictures | facts)
        self._bytes += sum(len(picture["bytes"]) for picture in pictures.values() if picture)
        if self._bytes >= FILE_BYTES:
            self.close()
        elif len(self._rows) == ROW_GROUP:
            self._flush()

    def close(self) -> None:
        """Finish the file that is open."""
        self._flush()
        if self._file is not None:
            self._file.close()
            self._file, self._number, self._bytes = None, self._number + 1, 0

    def _flush(self) -> None:
        if not self._rows:
            return
        if self._file is None:
            path = self._folder / f"{self._split}-{self._number:05d}.parquet"
            # pictures are compressed already, and their statistics would repeat them
            self._file = pq.ParquetWriter(
                path, schema(), compression="none", use_dictionary=False, write_statistics=list(_FACTS)
            )
        self._file.write_table(pa.Table.from_pylist(self._rows, schema=schema()))
        self._rows = []


def _value(kind: pa.DataType) -> dict[str, str]:
    return {"dtype": _VALUES[kind], "_type": "Value"}


def _card(exported: Exported) -> str:
    """The YAML head of the card: which files are which split."""
    lines = ["---", "license: other", "configs:", "- config_name: default", "  data_files:"]
    for split in exported.splits:
        lines += [f"  - split: {SPLIT_NAMES[split]}", f"    path: data/{split}-*.parquet"]
    return "\n".join([*lines, "---", "", ""])
