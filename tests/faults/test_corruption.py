"""A flipped byte in an out is found before it is used, set aside and computed again; training never reads it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.house import UPSTREAM
from tests.faults.conftest import FaultyProject, repeatable

READERS = [(before, stage) for stage, reads in UPSTREAM.items() for before in reads] + [
    ("synthesize", "train"), ("curate", "train"), ("fuse", "evaluate"),
]  # fmt: skip
"""Whose out is damaged, and which stage reads it next."""


def flip(path: Path) -> None:
    """Change one byte as a failing disk does: in place, in every hardlink at once, and without a new time."""
    status, mode = path.stat(), path.stat().st_mode
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(status.st_size // 2)
        byte = file.read(1)[0]
        file.seek(status.st_size // 2)
        file.write(bytes([byte ^ 0x10]))
    path.chmod(mode)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("damaged", "reader"), READERS)
def test_damage_is_found_before_use_and_mended(damaged: str, reader: str, faulty: FaultyProject) -> None:
    expected = {stage: faulty.bytes_of(stage) for stage in (damaged, reader)}
    shard = max(faulty.outs(damaged)[0].rglob("*-000.parquet"), key=lambda path: path.stat().st_size)
    faulty.forget(reader)
    flip(shard)
    assert faulty.run(reader) == 1
    assert not shard.exists(), "what is damaged is set aside"
    assert not (faulty.outs(reader)[0] / "manifest.parquet").exists(), "and nothing was made of it"
    quarantined = [path.name for path in (faulty.root / ".autoroto" / "store" / "quarantine").iterdir()]
    assert any(name.startswith(shard.name) for name in quarantined)

    assert faulty.finish(damaged)["computed"] == 1, "only the damaged shard is computed again"
    faulty.finish(reader)
    assert repeatable(faulty.bytes_of(damaged)) == repeatable(expected[damaged])
    assert repeatable(faulty.bytes_of(reader)) == repeatable(expected[reader])
