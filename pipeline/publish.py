"""Put a stage's results where DVC looks: hardlinks of the store's files, then the manifest that names them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from datasets.faults import fault_point
from datasets.manifest import write_manifest
from datasets.receipt import Receipt
from datasets.store import Store
from pipeline.params import Params

Place = tuple[str, str]
"""Sub-folder of the out and key: names one unit of one stage."""


def publish(
    stage: str, receipts: Mapping[Place, Receipt], accepted: Collection[Place], store: Store, params: Params, root: Path
) -> None:
    """Link every shard into `data/<stage>/`, remove what no longer belongs there, write the manifest last."""
    out = root / "data" / stage
    manifest = out / "manifest.parquet"
    manifest.unlink(missing_ok=True)  # an out that is half linked must not look finished
    fault_point("publish.begun")
    out.mkdir(parents=True, exist_ok=True)
    wanted = {out / folder / file.name for (folder, _), receipt in receipts.items() for file in receipt.files}
    clear(out, wanted)
    fault_point("publish.cleared")
    for place, receipt in receipts.items():
        store.link(receipt, out / place[0], accepted=place in accepted)
    fault_point("publish.linked")
    if stage == "curate":
        from qa.curate_tables import finish  # the one table that is about all shards together

        finish(sorted(wanted), out, params.curate)
    write_manifest(manifest, receipts.values())


def clear(out: Path, wanted: Collection[Path]) -> None:
    """Delete the files under `out` that are not wanted, and folders that became empty."""
    for path in sorted(out.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path not in wanted:
            path.unlink()
