"""Put a stage's results where DVC looks: hardlinks of the store's files, then the manifest that names them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from datasets.faults import fault_point
from datasets.manifest import Ledger, write_manifest
from datasets.store import Store
from pipeline.params import Params

Place = tuple[str, str]
"""Sub-folder of the out and key: names one unit of one stage."""


def publish(
    stage: str, receipts: Ledger, accepted: Collection[Place], store: Store, params: Params, root: Path
) -> None:
    """Link every shard into `data/<stage>/`, remove what no longer belongs there, write the manifest last."""
    out = root / "data" / stage
    manifest = out / "manifest.parquet"
    manifest.unlink(missing_ok=True)  # an out that is half linked must not look finished
    fault_point("publish.begun")
    out.mkdir(parents=True, exist_ok=True)
    wanted = {_inside(receipt.folder, file.name) for receipt in receipts for file in receipt.files}
    clear(out, wanted)
    fault_point("publish.cleared")
    for receipt in receipts:
        store.link(receipt, out / receipt.folder, accepted=(receipt.folder, receipt.key) in accepted)
    fault_point("publish.linked")
    if stage == "curate":
        from qa.curate_tables import finish  # the one table that is about all shards together

        finish([out / name for name in sorted(wanted)], out, params.curate)
    write_manifest(manifest, receipts)


def clear(out: Path, wanted: Collection[str]) -> None:
    """Delete the files under `out` that are not wanted (paths relative to it, with `/`), and folders left empty."""
    folders = sorted((path for path in out.rglob("*") if path.is_dir()), reverse=True)
    for folder in (*folders, out):
        inside = "" if folder == out else folder.relative_to(out).as_posix()
        for path in folder.iterdir():
            if not path.is_dir() and _inside(inside, path.name) not in wanted:
                path.unlink()
        if folder != out and not any(folder.iterdir()):
            folder.rmdir()


def _inside(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
