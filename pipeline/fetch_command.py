"""`autoroto fetch`: which assets the params need, with a progress bar and a table of what arrived."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipeline.assets import AssetLock
from pipeline.fetch import Fetched, fetch
from pipeline.params import Params, load_params
from pipeline.progress import stage_progress


def run_fetch(root: Path, names: Collection[str] | None, console: Console) -> None:
    """Fetch the named assets, or the default ones and those that enabled teachers and detectors open."""
    lock = root / "assets.yaml"
    wanted = names or AssetLock.read(lock).needed(model_files(load_params(root / "params.yaml")))
    with stage_progress("fetch", console) as progress:
        fetched = fetch(root, names=wanted, lock=lock, progress=lambda done, total: progress(done, total, ""))
    console.print(_table(fetched, root))


def model_files(params: Params) -> Iterator[str]:
    """Paths, relative to the project's root, of the weights that the enabled detectors and teachers open."""
    for detector in params.detect.detectors.values():
        yield detector.file
    for teacher in params.vote.teachers.values():
        if teacher.enabled:
            yield from teacher.files


def _table(fetched: Collection[Fetched], root: Path) -> Table:
    table = Table("asset", "file", "from")
    for asset in fetched:
        table.add_row(asset.name, str(asset.path.relative_to(root)), asset.origin)
    return table
