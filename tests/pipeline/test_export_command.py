"""`autoroto export` on a project with a curated set."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pycocotools.coco import COCO
from typer.testing import CliRunner

from datasets.manifest import write_manifest
from datasets.receipt import Receipt, StoredFile
from datasets.shards import file_digest
from pipeline.cli import app
from pipeline.errors import explained
from tests.datasets.curated import curated, write_shards


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Seven frames in two shards; one of them of unknown licence."""
    out = tmp_path / "data" / "curate"
    rows = [curated(number, licences=[] if number == 4 else ["MIT"]) for number in range(7)]
    receipts = []
    for path in write_shards(out, rows):
        file = StoredFile(path.name, file_digest(path), path.stat().st_size, pq.read_metadata(path).num_rows)
        receipts.append(Receipt("curate", "", path.name[:3], "a.mp4", "l", (file,), file.rows, file.rows))
    write_manifest(out / "manifest.parquet", receipts)
    pq.write_table(
        pa.table({"group": ["gold", "silver"], "weight": [1.0, 0.7], "band_weight": [1.0, 0.4]}),
        out / "weights.parquet",
    )
    (tmp_path / "params.yaml").write_text("")
    (tmp_path / "dvc.yaml").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return tmp_path


def call(*arguments: str) -> tuple[str, BaseException | None]:
    result = CliRunner().invoke(app, ["export", *arguments])
    assert result.exception is None or explained(result.exception), result.exception
    return result.output + result.stderr, result.exception


def test_without_an_allow_list_it_says_what_there_is(project: Path) -> None:
    _, error = call("--format", "coco", "-o", "out")
    said = str(error)
    assert "val/café_1.mp4: NOASSERTION (1 frame)" in said and "train/café_0.mp4: MIT (3 frames)" in said
    assert "`--allow NAME`" in said and not (project / "out").exists()


def test_the_three_formats(project: Path) -> None:
    allow = ("--allow", "MIT", "--leave-out")
    for form in ("coco", "parquet", "folders"):
        said, error = call("--format", form, "-o", f"out/{form}", *allow)
        assert error is None, error
        assert "6 frames (3 train, 1 val, 2 test)" in said
        assert "left out: val/café_1.mp4: NOASSERTION (1)" in said
    assert len(COCO(str(project / "out" / "coco" / "annotations" / "train.json")).getAnnIds()) == 3
    table = pq.read_table(project / "out" / "parquet" / "data" / "train-00000.parquet")
    assert table["band_weight"].to_pylist() == [0.4, 1.0, 0.4]
    lines = (project / "out" / "folders" / "frames.jsonl").read_text().splitlines()
    assert [json.loads(line)["weight"] for line in lines[:2]] == [0.7, 1.0]
    _, error = call("--format", "coco", "-o", "out/coco", *allow)
    assert "is there already" in str(error)


def test_one_split(project: Path) -> None:
    said, error = call("--format", "folders", "-o", "out", "--allow", "MIT", "--split", "test")
    assert error is None and "2 frames (2 test)" in said
    assert sorted(path.name for path in (project / "out").iterdir()) == ["README.md", "frames.jsonl", "test"]


def test_names_that_are_none(project: Path) -> None:
    _, error = call("--format", "onnx", "-o", "out")
    assert "one of coco, parquet, folders" in str(error) and "data/export/student.onnx" in str(error)
    _, error = call("--format", "coco", "-o", "out", "--split", "training")
    assert "no split training" in str(error)


def test_a_damaged_shard_is_not_exported(project: Path) -> None:
    path = next((project / "data" / "curate").glob("0*.parquet"))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    _, error = call("--format", "parquet", "-o", "out", "--allow", "MIT", "--leave-out")
    assert "damaged" in str(error) and path.name in str(error) and not (project / "out").exists()


def test_without_a_curated_set(project: Path) -> None:
    (project / "data" / "curate" / "manifest.parquet").unlink()
    result = CliRunner().invoke(app, ["export", "--format", "coco", "-o", "out", "--allow", "MIT"])
    assert isinstance(result.exception, FileNotFoundError) and "curate" in str(result.exception)
