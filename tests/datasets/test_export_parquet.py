"""Parquet as pyarrow reads it, and the words by which Hugging Face's loader knows pictures and splits."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from datasets import export_parquet
from datasets.export_parquet import ParquetWriter
from datasets.exports import export
from tests.datasets.curated import WEIGHTS, curated, write_shards


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(export_parquet, "ROW_GROUP", 4)
    shards = write_shards(tmp_path / "shards", [curated(number) for number in range(30)])
    export(shards, tmp_path / "out", ParquetWriter, allowed=["MIT"], weights=WEIGHTS)
    return tmp_path / "out"


def test_pyarrow_reads_the_same_bytes(out: Path) -> None:
    for split, first in (("train", 0), ("val", 1), ("test", 2)):
        rows = pq.read_table(out / "data" / f"{split}-00000.parquet").to_pylist()
        assert [row["time_us"] for row in rows] == [number * 40_000 for number in range(first, 30, 3)]
        for row in rows:
            expected = curated(row["time_us"] // 40_000)
            stem = f"{expected.source[:16]}-{expected.time_us:012d}"
            assert row["image"] == {"bytes": expected.image, "path": f"{stem}.jpg"}
            assert row["alpha"] == {"bytes": expected.alpha, "path": f"{stem}.png"}
            assert row["trust"]["bytes"] == expected.trust
            assert (row["truth"] or {}).get("bytes", b"") == expected.truth
            assert (row["split"], row["group"], row["licences"]) == (split, expected.group, ["MIT"])
            assert row["weight"] == WEIGHTS.core[expected.group] and row["scenarios"] == ["dark"]


def test_metadata_say_which_columns_are_pictures(out: Path) -> None:
    schema = pq.read_schema(out / "data" / "train-00000.parquet")
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert list(features) == schema.names
    assert [name for name, kind in features.items() if kind == {"_type": "Image"}] == [
        "image",
        "alpha",
        "trust",
        "truth",
    ]
    assert schema.field("image").type == pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    assert features["licences"] == [{"dtype": "string", "_type": "Value"}]
    assert features["time_us"] == {"dtype": "int64", "_type": "Value"}


def test_the_card_names_the_files_of_each_split(out: Path) -> None:
    _, head, body = (out / "README.md").read_text().split("---\n", 2)
    files = yaml.safe_load(head)["configs"][0]["data_files"]
    assert [entry["split"] for entry in files] == ["train", "validation", "test"]
    assert [len(list(out.glob(entry["path"]))) for entry in files] == [1, 1, 1]
    assert "| MIT | 30 |" in body


def test_large_splits_become_several_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [curated(number) for number in range(0, 30, 3)]
    size = sum(len(data) for row in rows[:4] for data in (row.image, row.alpha, row.trust))
    monkeypatch.setattr(export_parquet, "FILE_BYTES", size)
    export(write_shards(tmp_path, rows), tmp_path / "out", ParquetWriter, allowed=["MIT"], weights=WEIGHTS)
    files = sorted((tmp_path / "out" / "data").iterdir())
    assert [path.name for path in files] == [f"train-{number:05d}.parquet" for number in range(3)]
    found = [time for path in files for time in pq.read_table(path)["time_us"].to_pylist()]
    assert found == [row.time_us for row in rows]
    assert pq.read_metadata(files[0]).num_row_groups == 1 and pq.read_metadata(files[0]).num_rows in (4, 5)
