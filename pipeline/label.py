"""`autoroto label`: the default ensemble on any footage, once, without DVC. Alphas and trust maps for every frame."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table

from datasets.clips import read_clips
from datasets.images import decode_grey, decode_rgb, encode_png
from datasets.schema import FrameRow, LabelRow, QualityRow
from datasets.store import write_atomically
from pipeline.fetch_command import model_files
from pipeline.keys import hash_of
from pipeline.params import Params, load_params
from pipeline.progress import stage_progress
from pipeline.run_stage import run_stage
from pipeline.shards import Shard, shards_of
from qa.groups import group_of
from stages.guided_filter import upsample_alpha

STAGES = ("ingest", "detect", "vote", "fuse", "score")
FULL_SIZE = 8192
"""Frames keep their own size up to this longest side, so that alphas do too."""


@dataclass(frozen=True)
class Labelled:
    """One frame with its label and quality, at the frame's size."""

    frame: FrameRow
    label: LabelRow
    quality: QualityRow


def run_label(paths: Sequence[Path], output: Path, *, root: Path, stills: bool, runner: str, console: Console) -> None:
    """Label every frame of the footage in `paths` and write the results under `output`.

    Finished work is kept in the project's store: after Ctrl-C the same command goes on where it was.

    Raises:
        FileNotFoundError: a model is missing; the message says to run `autoroto fetch`.
        ValueError: nothing in `paths` is footage.
    """
    paths = [path.resolve() for path in paths]
    params = _every_frame(load_params(root / "params.yaml"), stills, runner, root)
    workplace = _workplace(paths, params, root)
    for stage in STAGES:
        with stage_progress(stage, console) as progress:
            summary = run_stage(stage, params, workplace, footage=paths, progress=progress)
        console.print(summary.sentence(), highlight=False)
        if stage == "ingest" and not summary.inputs:
            raise NothingToLabelError(f"no video, photo or folder of images in {', '.join(map(str, paths))}")
    rows = _write(workplace, params, output, console)
    _write_table(rows, output / "labels.parquet")
    console.print(_summary(rows))
    console.print(f"{len(rows)} frames in {output}", highlight=False)


class NothingToLabelError(ValueError):
    """The given paths hold no footage."""


def _every_frame(params: Params, stills: bool, runner: str, root: Path) -> Params:
    ingest = {"every_frame": True, "stills": stills, "longest_side": FULL_SIZE, "format": "png"}
    store = str((root / params.pipeline.store).resolve())
    params = params.model_copy(
        update={
            "ingest": params.ingest.model_copy(update=ingest),
            "pipeline": params.pipeline.model_copy(update={"store": store}),
        }
    )
    return params.with_runner(runner)


def _workplace(paths: Sequence[Path], params: Params, root: Path) -> Path:
    """A project folder of its own for this footage, that shares the models with the real one."""
    for file in model_files(params):
        if not (root / file).exists():
            raise FileNotFoundError(f"{root / file} is missing: run `autoroto fetch` first")
    folder = root / ".autoroto" / "label" / hash_of([str(path) for path in paths])
    folder.mkdir(parents=True, exist_ok=True)
    models = folder / "models"
    if not models.is_symlink():
        models.symlink_to(root / "models")
    return folder


def _write(workplace: Path, params: Params, output: Path, console: Console) -> list[dict[str, object]]:
    """Write all alphas and trust maps; returns the rows of `labels.parquet`."""
    frames = {shard.lineage: shard for shard in shards_of("ingest", workplace)}
    labels = {shard.lineage: shard for shard in shards_of("fuse", workplace)}
    scores = {shard.lineage: shard for shard in shards_of("score", workplace)}
    total = sum(shard.rows for shard in scores.values())
    folders = _Folders()
    rows: list[dict[str, object]] = []
    with stage_progress("write", console) as progress:
        for lineage, score in scores.items():
            for entry in _labelled([score, labels[lineage], frames[lineage]]):
                folder = output / folders.of(entry.frame)
                rows.append(_write_frame(entry, folder, params, output))
                progress(len(rows), total, entry.frame.path)
    return rows


def _labelled(shards: Sequence[Shard]) -> Iterator[Labelled]:
    for clip in read_clips([shard.path for shard in shards], primary=QualityRow):
        for frame, label, quality in zip(clip.frames, clip.labels, clip.qualities, strict=True):
            if frame is not None and label is not None and quality is not None:
                yield Labelled(frame, label, quality)


def _write_frame(entry: Labelled, folder: Path, params: Params, output: Path) -> dict[str, object]:
    frame, quality = entry.frame, entry.quality
    image = decode_rgb(frame.image)
    alpha, trust = folder / "alpha" / f"{frame.name}.png", folder / "trust" / f"{frame.name}.png"
    write_atomically(alpha, encode_png(upsample_alpha(decode_grey(entry.label.alpha), image)))
    write_atomically(trust, encode_png(upsample_alpha(decode_grey(entry.label.trust), image)))
    return {
        "source": frame.path,
        "frame": frame.name,
        "time_us": frame.time_us,
        "alpha": alpha.relative_to(output).as_posix(),
        "trust": trust.relative_to(output).as_posix(),
        "quality": quality.quality,
        "group": group_of(quality.quality, quality.signals, params.curate.groups, proven=entry.label.keyed),
        "error": quality.error,
        "error_box": list(quality.error_box),
        "scenarios": list(quality.scenarios),
    }


class _Folders:
    """A folder name per source; sources that share a name are told apart by their digest."""

    def __init__(self) -> None:
        self._taken: dict[str, str] = {}

    def of(self, frame: FrameRow) -> str:
        name = re.sub(r"[^\w.-]+", "_", Path(frame.path).stem).strip(".") or "source"
        if self._taken.setdefault(name, frame.source) != frame.source:
            name = f"{name}-{frame.source[:8]}"
            self._taken.setdefault(name, frame.source)
        return name


def _write_table(rows: Sequence[dict[str, object]], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pd.DataFrame(rows).sort_values(["source", "time_us"], ignore_index=True)
    write_atomically(path, table.to_parquet(index=False))


def _summary(rows: Sequence[dict[str, object]]) -> Table:
    table = Table("group", "frames", "mean quality", title="What was labelled")
    for group, part in pd.DataFrame(rows).groupby("group", sort=True):
        table.add_row(str(group), str(len(part)), f"{part['quality'].mean():.2f}")
    return table
