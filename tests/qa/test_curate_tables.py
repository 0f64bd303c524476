from pathlib import Path

import pyarrow.parquet as pq
import pytest

from datasets.schema import CuratedRow
from datasets.shards import write_rows
from datasets.splits import SplitError
from qa.audit import FILE, Audit, GroupError, write_audit
from qa.curate import REVIEWS, CurateConfig
from qa.curate_tables import WEIGHTS, finish


def row(subject: str, split: str, group: str = "silver", path: str = "") -> CuratedRow:
    return CuratedRow(
        source=subject, clip=0, burst=0, time_us=0, path=path or f"{subject}.mp4", name="0", width=8, height=6,
        image=b"i", alpha=b"a", trust=b"t", foreground=b"f", group=group, split=split, role="footage",
        label_source="fused", quality=0.9, error="", scenarios=[], subject=subject, licences=["MIT"], truth=b"",
    )  # fmt: skip


def shards(folder: Path, *contents: list[CuratedRow]) -> list[Path]:
    paths = []
    for index, rows in enumerate(contents):
        paths.append(folder / f"{index}.parquet")
        write_rows(paths[-1], rows, CuratedRow)
    return paths


def test_weights_count_training_labels_by_group(tmp_path: Path):
    paths = shards(tmp_path, [row("ann", "train"), row("ann", "train", "gold")], [row("bob", "val"), row("cy", "test")])
    finish(paths, tmp_path, CurateConfig())
    table = pq.read_table(tmp_path / WEIGHTS).to_pylist()
    assert [(entry["group"], entry["count"]) for entry in table] == [
        ("gold", 1), ("silver", 1), ("bronze", 0), ("reject", 0),
    ]  # fmt: skip
    assert table[1]["weight"] == pytest.approx(1 - 2 * table[1]["expected_error"])


def test_an_audit_beside_the_out_replaces_the_errors_by_hand(tmp_path: Path):
    out, reviews = tmp_path / "data" / "curate", tmp_path / REVIEWS
    out.mkdir(parents=True)
    reviews.mkdir()
    errors = {"silver": GroupError(core=0.1, band=0.2, count=7)}
    audit = Audit(
        drawn=7, decided=7, verdict="too_few", silver_quality=None, silver_count=0, silver_bad=0, silver_bound=1,
        errors=errors, share=0.05, bad=0.05, confidence=0.9,
    )  # fmt: skip
    write_audit(reviews / FILE, audit)
    finish(shards(tmp_path, [row("ann", "train")], [row("bob", "val")], [row("cy", "test")]), out, CurateConfig())
    gold, silver, *_ = pq.read_table(out / WEIGHTS).to_pylist()
    assert (silver["weight"], silver["band_weight"]) == (pytest.approx(0.8), pytest.approx(0.6))
    assert (silver["audited"], gold["audited"], gold["expected_error"]) == (7, 0, 0.01)


def test_bytes_do_not_depend_on_the_order_of_the_shards(tmp_path: Path):
    paths = shards(tmp_path, [row("ann", "train")], [row("bob", "val")], [row("cy", "test")])
    finish(paths, tmp_path, CurateConfig())
    first = (tmp_path / WEIGHTS).read_bytes()
    finish(paths[::-1], tmp_path, CurateConfig())
    assert (tmp_path / WEIGHTS).read_bytes() == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0.parquet", "1.parquet", "2.parquet", WEIGHTS]


def test_one_subject_in_two_splits_across_shards_names_both_files(tmp_path: Path):
    paths = shards(tmp_path, [row("ann", "train", path="one.mp4")], [row("ann", "test", path="two.mp4")])
    with pytest.raises(SplitError, match=r"two\.mp4 in test.*one\.mp4 in train"):
        finish(paths, tmp_path, CurateConfig())
    assert not (tmp_path / WEIGHTS).exists()


def test_an_empty_split_is_an_error_unless_it_is_not_required(tmp_path: Path):
    paths = shards(tmp_path, [row("ann", "train"), row("bob", "test")])
    with pytest.raises(SplitError, match="split val is empty"):
        finish(paths, tmp_path, CurateConfig())
    finish(paths, tmp_path, CurateConfig(required_splits=("train", "test")))
