"""Ingest in a process of its own, which may lose its rights, measure its memory and mount disks of its own."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import struct
import sys
import threading
from pathlib import Path

from datasets.manifest import read_manifest
from pipeline.params import load_params
from pipeline.run_stage import run_stage

CLONE_NEWNS = 0x00020000
MS_RDONLY, MS_REMOUNT, MS_REC, MS_PRIVATE = 1, 32, 16384, 1 << 18
_LIBC = ctypes.CDLL(None, use_errno=True)
_CAPABILITIES_V3 = 0x20080522
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def drop_capabilities() -> None:
    """Give up root's rights: a file of mode 000 cannot be read then by root either."""
    if _LIBC.capset(struct.pack("<Ii", _CAPABILITIES_V3, 0), bytes(24)) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def ingest(root: Path) -> dict[str, object]:
    """Run `ingest` in the project at `root`: its counts and what its manifest says, or the error it ended with."""
    try:
        summary = run_stage("ingest", load_params(root / "params.yaml"), root)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    receipts = read_manifest(root / "data" / "ingest" / "manifest.parquet")
    return {
        "error": "",
        "details": [detail for receipt in receipts for detail in receipt.details],
        "reasons": [reason for r in receipts for reason, count in r.failed.items() for _ in range(count)],
        "drops": [reason for r in receipts for reason, count in r.dropped.items() for _ in range(count)],
        **{name: getattr(summary, name) for name in ("computed", "reused", "inputs", "done", "dropped", "failed")},
    }


def watched(root: Path) -> dict[str, object]:
    """`ingest` without the rights of root, with its peak memory, the files it opened for writing outside `root`, and
    the programs it started."""
    written: set[str] = set()
    started: list[str] = []

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITES:
            written.add(os.fsdecode(arguments[0]) if isinstance(arguments[0], str | bytes) else "")
        elif event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "socket.connect"):
            started.append(repr(arguments[0]))

    drop_capabilities()
    sys.addaudithook(watch)
    found = ingest(root)
    outside = sorted(path for path in written if not Path(path).is_relative_to(root))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {**found, "written_outside": outside, "started": started, "peak_bytes": peak}


def growing(root: Path) -> list[dict[str, object]]:
    """`ingest` while `data/raw/growing.mkv` gets longer all the time, and once more when it has stopped."""
    stop = threading.Event()

    def grow() -> None:
        with (root / "data" / "raw" / "growing.mkv").open("ab", buffering=0) as file:
            while not stop.wait(0.001):
                file.write(bytes(16))

    writer = threading.Thread(target=grow)
    writer.start()
    try:
        first = ingest(root)
    finally:
        stop.set()
        writer.join()
    return [first, ingest(root)]


def full_disk(root: Path) -> list[dict[str, object]]:
    """`ingest` with its store on a disk of two megabytes, and again on the same disk made larger."""
    own_mounts()
    store = root / ".autoroto" / "store"
    store.mkdir(parents=True)
    mount(store, 0, "size=2m")
    first = ingest(root)
    left = [str(path) for path in store.rglob("*") if path.is_file() and "staging" in path.parts]
    mount(store, MS_REMOUNT, "size=64m")
    return [{**first, "left": left}, ingest(root)]


def read_only(root: Path) -> list[dict[str, object]]:
    """`ingest` with its store on a disk that is read-only; writable; read-only with everything in it; and with one
    more photo."""
    own_mounts()
    store = root / ".autoroto" / "store"
    store.mkdir(parents=True)
    mount(store, 0, "size=64m")
    mount(store, MS_REMOUNT | MS_RDONLY, "")
    first = ingest(root)
    mount(store, MS_REMOUNT, "")
    second = ingest(root)
    mount(store, MS_REMOUNT | MS_RDONLY, "")
    third = ingest(root)
    (root / "data" / "raw" / "late.png").write_bytes((root / "late.png").read_bytes())
    return [first, second, third, ingest(root)]


def own_mounts() -> None:
    """Mounts made from here on are seen by this process only, and go with it."""
    if _LIBC.unshare(CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    _mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None)


def mount(folder: Path, flags: int, options: str) -> None:
    """Mount a disk in memory on the folder, or with `MS_REMOUNT` change the one that is there."""
    _mount(b"tmpfs", str(folder).encode(), b"tmpfs", flags, options.encode())


def _mount(source: bytes, target: bytes, kind: bytes | None, flags: int, options: bytes | None) -> None:
    if _LIBC.mount(source, target, kind, ctypes.c_ulong(flags), options) != 0:
        raise OSError(ctypes.get_errno(), f"mount {target!r}")


SCENARIOS = {scenario.__name__: scenario for scenario in (watched, growing, full_disk, read_only)}

if __name__ == "__main__":
    Path(sys.argv[3]).write_text(json.dumps(SCENARIOS[sys.argv[1]](Path(sys.argv[2]))))
