"""What the student of the comparison learns from: projects of the house, built by its own stages.

Two projects, because each half of the photos is labelled by what was fitted on the other (`unseen_fits.py`): `footage`
has the demo footage, clips of people before a webcam and the first half of the photos; `photos` has the second half and
the demo's backgrounds. One store and one training serve both. A stage that is done is not done again.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from rich.console import Console
from unseen_fits import OTHER, Dealt

from pipeline.calibration_data import Known
from pipeline.params import Params
from pipeline.shards import shards_of
from stages.fuse import FuseConfig

STAGES = ("fetch", "ingest", "detect", "vote", "fuse", "score", "curate", "plate", "synthesize")
ROOT = Path(__file__).resolve().parents[1]
FOOTAGE, PHOTOS = "footage", "photos"
JPEG = b"\xff\xd8"
"""What a JPEG begins with; frames are stored as JPEG or PNG."""
BURST_EVERY_S = 2.0
"""Clips of two seconds have one burst in them at the default of six."""


@dataclass(frozen=True)
class Project:
    """A built project: shards to learn from and the weights of its groups."""

    folder: Path

    def shards(self, stage: str) -> list[Path]:
        """The shards of a stage's out."""
        return [shard.path for shard in shards_of(stage, self.folder)]

    @property
    def weights(self) -> Path:
        """`weights.parquet` of the curate stage."""
        return self.folder / "data" / "curate" / "weights.parquet"


def build(
    root: Path,
    dealt: Dealt,
    fits: Mapping[str, FuseConfig],
    judges: Mapping[str, Path],
    params: Params,
    *,
    clips: Path | None,
    console: Console,
) -> tuple[Project, Project]:
    """Lay out both projects below `root` and run their stages up to synthesis.

    Args:
        clips: folder of videos of people before a webcam, or None.
    """
    footage, photos = Project(root / FOOTAGE), Project(root / PHOTOS)
    _lay_out(footage, _params_of(params, root, fits[OTHER["first"]], judges[OTHER["first"]], splits=("train", "val")))
    _write_photos(footage.folder / "data" / "raw" / "street", dealt.halves["first"])
    if clips is not None:
        _copy_clips(clips, footage.folder / "data" / "raw" / "webcam")
    _run(footage, STAGES, console)
    _lay_out(photos, _params_of(params, root, fits[OTHER["second"]], judges[OTHER["second"]], splits=("train",)))
    _write_photos(photos.folder / "data" / "raw" / "street", dealt.halves["second"])
    _share(footage, photos)
    _run(photos, STAGES[1:], console)
    return footage, photos


def _params_of(params: Params, root: Path, fuse: FuseConfig, judge: Path, *, splits: Sequence[str]) -> dict[str, Any]:
    """The project's params with another fit and judge, one store for all, and more bursts."""
    values: dict[str, Any] = json.loads(params.model_dump_json())
    values["pipeline"]["store"] = str((root / "store").resolve())
    values["fuse"] = json.loads(fuse.model_dump_json())
    values["score"]["judge"] = str(judge.resolve())
    values["ingest"]["burst_every_s"] = BURST_EVERY_S
    values["curate"]["required_splits"] = list(splits)
    return values


def _lay_out(project: Project, params: Mapping[str, Any]) -> None:
    (project.folder / "data" / "raw").mkdir(parents=True, exist_ok=True)
    (project.folder / "params.yaml").write_text(yaml.safe_dump(dict(params), sort_keys=False))
    (project.folder / "dvc.yaml").write_text("stages: {}\n")  # marks the folder as a project; nothing reads it
    shutil.copy(ROOT / "assets.yaml", project.folder)


def _write_photos(folder: Path, known: Sequence[Known]) -> None:
    """The photos without their masks, as a folder of stills."""
    folder.mkdir(parents=True, exist_ok=True)
    for one in known:
        for frame in one.burst.frames:
            suffix = "jpg" if frame.image.startswith(JPEG) else "png"
            (folder / f"{frame.name}.{suffix}").write_bytes(frame.image)
    said = {"stills": True, "split": "train", "licence": ["LicenseRef-unknown"], "source": "photos of the truth folder"}
    (folder / "sidecar.yaml").write_text(yaml.safe_dump(said))


def _copy_clips(source: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for video in sorted(path for path in source.iterdir() if path.suffix in (".mkv", ".mp4", ".webm")):
        shutil.copy(video, folder / video.name)
    # Who is in which is not known: one subject, so that they are in one split.
    said = {"subject": "webcam", "split": "train", "licence": ["CC-BY-4.0"], "source": "people signing before a webcam"}
    (folder / "sidecar.yaml").write_text(yaml.safe_dump(said))


def _share(footage: Project, photos: Project) -> None:
    """Models and backgrounds of one project for the other."""
    if not (photos.folder / "models").exists():
        (photos.folder / "models").symlink_to((footage.folder / "models").resolve())
    source = footage.folder / "data" / "raw" / "demo" / "backgrounds"
    shutil.copytree(source, photos.folder / "data" / "raw" / "demo" / "backgrounds", dirs_exist_ok=True)


def _run(project: Project, stages: Sequence[str], console: Console) -> None:
    """Run stages as `dvc repro` would."""
    command = Path(sys.executable).with_name("autoroto")
    environment = {name: value for name, value in os.environ.items() if name != "DVC_ROOT"}
    for stage in stages:
        console.print(f"{project.folder.name}: {stage}", highlight=False)
        words = [stage] if stage == "fetch" else ["run", stage]
        subprocess.run([command, *words], cwd=project.folder, env=environment, check=True)
