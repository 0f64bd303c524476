"""`autoroto export`: the curated data set as COCO, as Parquet or as folders, for other tools."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from datasets.export_coco import CocoWriter
from datasets.export_folders import FolderWriter
from datasets.export_parquet import ParquetWriter
from datasets.exports import Exported, ExportError, Weights, Writer, export
from datasets.schema import SPLITS
from datasets.store import Store
from pipeline.params import load_params
from pipeline.progress import stage_progress
from pipeline.shards import shards_of
from pipeline.terminal import plain
from pipeline.verify import check_shards
from qa.curate_tables import WEIGHTS
from training.data import read_band_weights, read_weights

FORMATS: dict[str, Callable[[Path], Writer]] = {"coco": CocoWriter, "parquet": ParquetWriter, "folders": FolderWriter}


def run_export(
    root: Path,
    form: str,
    output: Path,
    *,
    allowed: Sequence[str],
    splits: Sequence[str],
    leave_out: bool,
    console: Console,
) -> Exported:
    """Export the project's curated data set and say what went out.

    Raises:
        ExportError, LicenceError: as of `datasets.exports.export`; also for a format or a split there is not.
        FileNotFoundError: the stage `curate` has not run.
        StageError: a curated shard is damaged.
    """
    if form not in FORMATS:
        hint = " (the student is data/export/student.onnx; `dvc repro export` makes it)" if form == "onnx" else ""
        raise ExportError(f"no format {form!r}; one of {', '.join(FORMATS)}{hint}")
    if unknown := set(splits) - set(SPLITS):
        raise ExportError(f"no split {', '.join(sorted(unknown))}; one of {', '.join(SPLITS)}")
    shards = list(shards_of("curate", root))
    check_shards("export", shards, Store(root / load_params(root / "params.yaml").pipeline.store), root)
    table = root / "data" / "curate" / WEIGHTS
    with stage_progress(f"export {form}", console) as progress:
        exported = export(
            [shard.path for shard in shards],
            output,
            FORMATS[form],
            allowed=allowed,
            weights=Weights(read_weights(table), read_band_weights(table)),
            splits=splits or SPLITS,
            leave_out=leave_out,
            progress=progress,
        )
    _tell(exported, output, console)
    return exported


def _tell(exported: Exported, output: Path, console: Console) -> None:
    for (path, licences), count in sorted(exported.left_out.items()):
        console.print(f"left out: {plain(path)}: {licences} ({count})", highlight=False, markup=False)
    table = Table("licences", "frames", title=f"What is in {output}")
    for names, count in sorted(exported.licences.items()):
        table.add_row(", ".join(names), str(count))
    console.print(table)
    counts = ", ".join(f"{count} {split}" for split, count in exported.splits.items())
    console.print(f"{sum(exported.splits.values())} frames ({counts}) in {output}", highlight=False, markup=False)
