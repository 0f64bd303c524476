"""A pickle, whatever it pretends to be, is not loaded."""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import save_file

from datasets.manifest import read_manifest
from datasets.masks import open_masks
from datasets.media import MediaError
from datasets.schema import FrameRow
from datasets.shards import ShardError, file_digest, read_rows, shard_row_type
from datasets.sources import find_sources
from stages.teachers.sam import load_weights
from training.checkpoint import FILE, load_checkpoint
from training.weights import load_student


class Bomb:
    """Unpickling it makes a folder."""

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self.canary),)


@pytest.fixture
def bomb(tmp_path: Path) -> Iterator[bytes]:
    """A pickle that goes off when it is loaded; the test fails if it did."""
    canary = tmp_path / "canary"
    data = pickle.dumps(Bomb(canary), protocol=2)
    pickle.loads(data)
    assert canary.is_dir(), "the bomb is a dud"
    canary.rmdir()
    yield data
    assert not canary.exists(), "a pickle was loaded"


@pytest.mark.filterwarnings("ignore:'torch.load' received a zip file that looks like a TorchScript")
@pytest.mark.parametrize("kind", ["pickle", "zip", "legacy", "torchscript", "empty", "broken off", "a list", "an int"])
def test_a_pth_is_tensors_by_name_or_an_error(kind: str, bomb: bytes, tmp_path: Path) -> None:
    path, live = tmp_path / "sam.pth", Bomb(tmp_path / "canary")
    if kind in ("pickle", "empty"):
        path.write_bytes(bomb if kind == "pickle" else b"")
    elif kind == "torchscript":
        with pytest.warns(DeprecationWarning):
            torch.jit.save(torch.jit.script(torch.nn.Linear(1, 1)), str(path))
    else:
        content = {"a list": [torch.zeros(1)], "an int": {"a": 1}}.get(kind, {"a": torch.zeros(99), "b": live})
        torch.save(content, path, _use_new_zipfile_serialization=kind != "legacy")
        if kind == "broken off":
            path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(ValueError, match=r"sam\.pth: a checkpoint may hold nothing but tensors by name; save the"):
        load_weights(path, file_digest(path))


def test_a_pth_of_tensors_is_read_and_one_of_another_digest_is_not_opened(bomb: bytes, tmp_path: Path) -> None:
    path = tmp_path / "sam.pth"
    torch.save({"a": torch.arange(3)}, path)
    assert load_weights(path, file_digest(path))["a"].tolist() == [0, 1, 2]
    digest = file_digest(path)
    path.write_bytes(bomb)
    with pytest.raises(ValueError, match="was not opened"):
        load_weights(path, digest)


@pytest.mark.parametrize("kind", ["pickle", "zip", "metadata", "no metadata", "names"])
def test_a_training_checkpoint_is_safetensors_or_an_error(kind: str, bomb: bytes, tmp_path: Path) -> None:
    path = tmp_path / FILE
    if kind == "pickle":
        path.write_bytes(bomb)
    elif kind == "zip":
        torch.save({"b": Bomb(tmp_path / "canary")}, path)
    else:
        progress = {"metadata": {"progress": "{"}, "names": {"progress": '{"identity": "run"}'}}.get(kind)
        save_file({"no section": torch.zeros(1)}, path, metadata=progress)
    with pytest.raises(ValueError, match=r"checkpoint\.safetensors: damaged checkpoint .* delete it"):
        load_checkpoint(tmp_path, "run")


def test_a_student_that_is_a_pickle_does_not_run(bomb: bytes, tmp_path: Path) -> None:
    path = tmp_path / "student.safetensors"
    path.write_bytes(bomb)
    with pytest.raises(Exception, match=r"(?i)header|safetensors|student"):
        load_student(path)


@pytest.mark.parametrize("name", ["shard.parquet", "frames.npy", "masks.npz"])
def test_a_shard_that_is_a_pickle_does_not_run(name: str, bomb: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(bomb)
    for read in (lambda: list(read_rows(path, FrameRow)), lambda: shard_row_type(path)):
        with pytest.raises(ShardError, match="not a readable shard"):
            read()
    with pytest.raises(ValueError, match=re.escape(name)):
        read_manifest(path)


def test_a_parquet_whose_schema_carries_a_pickle_does_not_run_it(bomb: bytes, tmp_path: Path) -> None:
    """Arrow once unpickled the metadata of an extension type when the file was opened (CVE-2023-47248)."""
    path = tmp_path / "shard.parquet"
    for name in ("arrow.py_extension_type", "pickle", "arrow.opaque"):
        extension = {"ARROW:extension:name": name, "ARROW:extension:metadata": bomb}
        schema = pa.schema([pa.field("a", pa.int64(), metadata=extension)], metadata={"row": bomb, "pandas": bomb})
        pq.write_table(pa.table({"a": [1]}, schema=schema), path)
        with pytest.raises((ShardError, UnicodeDecodeError), match=r"shard\.parquet|codec"):
            list(read_rows(path, FrameRow))


def test_masks_that_are_a_pickle_do_not_run(bomb: bytes, tmp_path: Path) -> None:
    for name in ("masks.npy", "masks.png", "masks.json", "masks.pkl"):
        (tmp_path / name).write_bytes(bomb)
        with pytest.raises(MediaError, match=re.escape(name)):
            open_masks(tmp_path / name, ordered=False)("frame", 0)


def test_footage_that_is_a_pickle_is_passed_over_or_named(bomb: bytes, tmp_path: Path) -> None:
    from stages.base import Fail
    from stages.ingest import Ingest, IngestConfig

    raw = tmp_path / "data" / "raw"
    raw.mkdir(parents=True)
    for name in ("a.npy", "b.pkl", "c.mp4", "d.png", "e.pth"):
        (raw / name).write_bytes(bomb)
    stage = Ingest(IngestConfig(), root=tmp_path)
    results = [
        result
        for source in find_sources(raw)
        for item in stage.items(source.inputs)
        for result in stage.process(item)  # type: ignore[union-attr] # ingest yields
    ]
    assert len(results) == 2 and all(isinstance(result, Fail) for result in results)
    assert [name for name in ("c.mp4", "d.png") if name in str(results)] == ["c.mp4", "d.png"]
