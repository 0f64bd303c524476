"""The curated data set for other tools: which frames may leave, what is said of each, one folder that appears whole."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from datasets.faults import fault_point
from datasets.licences import UNKNOWN, LicenceError, union
from datasets.schema import SPLITS, CuratedRow
from datasets.shards import read_rows
from datasets.store import sync_folder

NOT_PICTURES = (
    "source", "time_us", "clip", "burst", "path", "name", "width", "height", "split", "group", "role", "label_source",
    "quality", "error", "scenarios", "subject", "licences",
)  # fmt: skip
"""Columns of `CuratedRow` that go with a frame as they are; `weight` and `band_weight` of its group are added."""

NAMED = 20
"""Refused files that an error lists."""

Progress = Callable[[int, int, str], None]


class ExportError(ValueError):
    """The data set cannot be exported so. The message says what to do."""


@dataclass(frozen=True)
class Weights:
    """What the labels of each group count in training: in the core, and in the band around their contours."""

    core: Mapping[str, float]
    band: Mapping[str, float]


@dataclass(frozen=True)
class Exported:
    """What was written: frames by split, frames by licences, and frames left out by file and refused licences."""

    splits: Mapping[str, int]
    licences: Mapping[tuple[str, ...], int]
    left_out: Mapping[tuple[str, str], int]


class Writer(Protocol):
    """Writes one format. `add` is called for every frame in the order of the shards, `finish` once, after the last."""

    def add(self, row: CuratedRow, facts: dict[str, Any]) -> None: ...

    def finish(self, exported: Exported) -> None: ...


def export(
    shards: Sequence[Path],
    output: Path,
    writer: Callable[[Path], Writer],
    *,
    allowed: Collection[str],
    weights: Weights,
    splits: Collection[str] = SPLITS,
    leave_out: bool = False,
    progress: Progress | None = None,
) -> Exported:
    """Write the frames of curated shards into the new folder `output`, which appears when it is complete.

    Args:
        writer: makes the format's writer for a folder.
        allowed: SPDX identifiers; a frame goes out if all of its licences are among them.
        splits: those to export.
        leave_out: leave the frames out whose licences are not allowed, instead of refusing to export.
        progress: called with frames written, frames in all, and the path of the last.

    Raises:
        ExportError: `output` is there already, another export writes it, or there is no frame to write.
        LicenceError: files carry licences that are not allowed; the message names them.
    """
    if output.exists() or output.is_symlink():
        raise ExportError(f"{output} is there already: name another folder, or move this one away; nothing is replaced")
    allowed = union(allowed)
    chosen = _choose(shards, allowed, splits, leave_out)
    total = sum(chosen.splits.values())
    with _new_folder(output) as folder:
        writing, done = writer(folder), 0
        for shard in shards:
            for row in read_rows(shard, CuratedRow):
                if row.split in splits and _licences(row) <= set(allowed):
                    writing.add(row, facts(row, weights))
                    fault_point("export.frame")
                    done += 1
                    if progress is not None:
                        progress(done, total, row.path)
        writing.finish(chosen)
    return chosen


def facts(row: CuratedRow, weights: Weights) -> dict[str, Any]:
    """All that is known of a frame but its pictures, by name."""
    values = {name: getattr(row, name) for name in NOT_PICTURES}
    core = weights.core.get(row.group, 0.0)
    known = {"licences": sorted(_licences(row)), "weight": core, "band_weight": weights.band.get(row.group, core)}
    return values | known


def file_stem(row: CuratedRow) -> str:
    """A frame's name outside: its key, so that exports of any two runs name a frame alike.

    Zero-padded, so that a listing is in order.
    """
    return f"{row.source[:16]}-{row.time_us:012d}"


def image_suffix(image: bytes) -> str:
    """`.png` or `.jpg`, by the encoded image's first bytes."""
    return ".png" if image.startswith(b"\x89PNG") else ".jpg"


def save(path: Path, data: bytes) -> None:
    """Write a new file, and its folder.

    Raises:
        ExportError: two frames have one name.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("xb") as file:
            file.write(data)
    except FileExistsError as error:
        raise ExportError(f"two curated frames are named {path.name}; run `dvc repro --force curate`") from error


def describe(exported: Exported, text: str) -> str:
    """The body of a README: `text`, then tables of splits and licences."""
    lines = ["# Curated portrait mattes", "", text, "", "| split | frames |", "|---|---|"]
    lines += [f"| {split} | {count} |" for split, count in exported.splits.items()]
    lines += ["", "Every frame must be used under all of its licences:", "", "| licences | frames |", "|---|---|"]
    lines += [f"| {', '.join(names)} | {count} |" for names, count in sorted(exported.licences.items())]
    return "\n".join([*lines, "", "Exported by autoroto.", ""])


def as_json(value: object) -> str:
    """JSON on one line, letters of all scripts as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def _choose(shards: Sequence[Path], allowed: Collection[str], splits: Collection[str], leave_out: bool) -> Exported:
    """Count what will be written; no picture is read."""
    counts: Counter[str] = Counter()
    found: Counter[tuple[str, ...]] = Counter()
    refused: Counter[tuple[str, str]] = Counter()
    for shard in shards:
        for row in read_rows(shard, CuratedRow, columns=["path", "split", "licences"]):
            if row.split not in splits:
                continue
            if wrong := sorted(_licences(row) - set(allowed)):
                refused[row.path, ", ".join(wrong)] += 1
            else:
                counts[row.split] += 1
                found[tuple(sorted(_licences(row)))] += 1
    if refused and not leave_out:
        raise LicenceError(_refusal(refused, allowed))
    if not counts:
        raise ExportError(
            f"there is no curated frame of split {' or '.join(splits)} that may go out "
            f"({refused.total()} are left out for their licences)"
        )
    return Exported({name: counts[name] for name in SPLITS if counts[name]}, found, refused)


def _frames(count: int) -> str:
    return "1 frame" if count == 1 else f"{count} frames"


def _licences(row: CuratedRow) -> set[str]:
    """A frame's licences; silence is no permission."""
    return set(union(row.licences)) or {UNKNOWN}


def _refusal(refused: Mapping[tuple[str, str], int], allowed: Collection[str]) -> str:
    lines = [f"  {path}: {licences} ({_frames(count)})" for (path, licences), count in sorted(refused.items())]
    rest = len(lines) - NAMED
    names = sorted({name for _, licences in refused for name in licences.split(", ")})
    return "\n".join(
        [
            f"{len(lines)} files carry licences that are not allowed (allowed: {', '.join(allowed) or 'none'}):",
            *lines[:NAMED],
            *([f"  and {rest} more"] if rest > 0 else []),
            f"Not allowed: {', '.join(names)}. Allow those whose terms suit your use (`--allow NAME`), or leave these "
            "files out (`--leave-out`).",
        ]
    )


@contextmanager
def _new_folder(output: Path) -> Iterator[Path]:
    """A hidden folder beside `output` that takes its name when the block ends well; else it is deleted.

    What a killed export left there is deleted too; what another one is writing is not (it holds a lock).
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    folder = output.with_name(f".{output.name}.unfinished")
    folder.mkdir(exist_ok=True)
    lock = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ExportError(f"another export is writing {output}: wait for it, or name another folder") from error
        _empty(folder)
        try:
            yield folder
            os.sync()  # once for all files: an fsync for each takes longer than writing them
            fault_point("export.written")
            if output.exists():
                raise ExportError(f"{output} has appeared meanwhile: name another folder")
            folder.rename(output)
            sync_folder(output.parent)
            fault_point("export.renamed")
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
    finally:
        os.close(lock)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
