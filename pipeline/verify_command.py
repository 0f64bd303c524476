"""What `autoroto verify` prints."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console
from rich.table import Table

from datasets.store import Store
from pipeline.params import load_params
from pipeline.progress import stage_progress
from pipeline.verify import verify


def run_verify(root: Path, console: Console) -> int:
    """Verify the project at `root` and say what was found; the exit code, 1 where something was damaged."""
    store = Store(root / load_params(root / "params.yaml").pipeline.store)
    with stage_progress("verify", console) as progress:
        found = verify(store, root, progress=progress)
    size = f"{found.files} files, {found.bytes / 2**20:.0f} MiB"
    if not found.damaged:
        console.print(f"{size}: every byte is as it was written", highlight=False)
        return 0
    table = Table("stage", "file", "what")
    for damage in found.damaged:
        what = "missing" if damage.missing else "damaged, now in quarantine"
        table.add_row(damage.stage, _shown(damage.path, root), what)
    console.print(table)
    console.print(f"{size}, of which {len(found.damaged)} are not as written: run `dvc repro` to compute them again")
    return 1


def _shown(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
