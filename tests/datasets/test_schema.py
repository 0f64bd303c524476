from __future__ import annotations

import dataclasses
import hashlib

import pyarrow as pa
import pytest

from datasets.schema import BoxRow, FrameRow, QualityRow, Row
from datasets.shards import write_rows


def test_arrow_types_follow_the_annotations():
    schema = BoxRow.arrow_schema()
    assert schema.field("boxes").type == pa.list_(pa.list_(pa.float64()))
    assert schema.field("support").type == pa.list_(pa.int64())
    assert schema.metadata == {b"row": b"BoxRow", b"format": b"1"}
    assert not any(field.nullable for field in schema)


def test_rows_survive_arrow_unchanged():
    row = QualityRow(
        source="s", clip=1, burst=2, time_us=3, signals={"iou": 0.5, "edge": 0.25}, quality=0.9, error="lag",
        error_box=[0.0, 0.1, 0.2, 0.3], scenarios=["dark"], annotation="",
    )  # fmt: skip
    table = pa.Table.from_pylist([row.as_dict()], schema=QualityRow.arrow_schema())
    assert QualityRow.from_arrow(table.to_pylist()[0]) == row


def test_unknown_annotation_is_an_error_that_names_the_field():
    odd = dataclasses.make_dataclass("Odd", [("when", complex)], bases=(Row,), frozen=True, kw_only=True)
    with pytest.raises(TypeError, match=r"Odd\.when"):
        odd.arrow_schema()


def test_format_version_guards_the_bytes_of_a_shard(tmp_path, frame):
    """Golden bytes: if this fails, readers of old shards may be wrong. Raise FORMAT_VERSION, then renew the digest."""
    path = tmp_path / "golden.parquet"
    write_rows(path, [frame(image=b"image", time_us=t) for t in range(3)], FrameRow)
    assert hashlib.sha256(path.read_bytes()).hexdigest()[:16] == "822275689b61f063"
