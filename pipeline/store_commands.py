"""`autoroto store`: refill the store from the outs, and trim it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from datasets.manifest import read_manifest
from datasets.receipt import Receipt
from datasets.store import Store, is_intact, place_file, write_atomically
from pipeline.house import FRAME_STAGES

app = typer.Typer(no_args_is_help=True)
console = Console(stderr=True)

_UNITS = {"": 1, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}


@app.command()
def seed() -> None:
    """Refill the store from the outs (after `dvc pull`), so that later runs compute only what is new."""
    from pipeline.cli import project_root
    from pipeline.params import load_params

    root = project_root()
    store = Store(root / load_params(root / "params.yaml").pipeline.store)
    added, damaged = seed_store(store, root)
    console.print(f"{added} results added to {store.root}; {damaged} left out because a shard was missing or damaged")


@app.command()
def gc(
    max_size: Annotated[str, typer.Option(help="Keep at most this much, for example 20G or 500M.")],
) -> None:
    """Trim the store: results unused for longest go first; what the current outs need always stays.

    What killed runs left behind goes too, once it is a day old.
    """
    from pipeline.cli import project_root
    from pipeline.params import load_params

    root = project_root()
    store = Store(root / load_params(root / "params.yaml").pipeline.store)
    left = store.sweep()
    deleted, freed = store.trim(parse_size(max_size), keep=current_keys(root))
    console.print(f"{deleted} results deleted, {freed / 2**20:.1f} MiB freed; {left} leftovers of killed runs removed")


def parse_size(text: str) -> int:
    """Bytes from `500M`, `20G`, `1.5T` or a plain number.

    Raises:
        typer.BadParameter: anything else.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([KMGT]?)i?B?", text.strip(), re.IGNORECASE)
    if not match:
        raise typer.BadParameter(f"{text!r} is no size; write for example 20G")
    return int(float(match[1]) * _UNITS[match[2].upper()])


def seed_store(store: Store, root: Path) -> tuple[int, int]:
    """Link every intact shard of the outs into the store; returns results added and results left out."""
    added = damaged = 0
    for receipt in _current(root):
        if store.lookup(receipt.stage, receipt.key) is not None:
            continue
        out = root / "data" / receipt.stage / receipt.folder
        if not all(is_intact(out / file.name, file) for file in receipt.files):
            damaged += 1
            continue
        for file in receipt.files:
            place_file(out / file.name, store.path(receipt.stage, file))
        write_atomically(store.root / receipt.stage / f"{receipt.key}.json", receipt.to_json().encode())
        added += 1
    return added, damaged


def current_keys(root: Path) -> set[str]:
    """Keys of everything that the manifests in the outs name."""
    return {receipt.key for receipt in _current(root)}


def _current(root: Path) -> list[Receipt]:
    manifests = [root / "data" / stage / "manifest.parquet" for stage in FRAME_STAGES]
    return [receipt for path in manifests if path.exists() for receipt in read_manifest(path)]
