"""Making the student of the comparison anew: fits, projects, training, export, card."""

from __future__ import annotations

import argparse
import hashlib
import json
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq
from calm import calmed
from rich.console import Console
from student_data import Project, build
from unseen_fits import Dealt, fit_judges

from pipeline.params import Params
from pipeline.progress import stage_progress
from stages.fuse import FuseConfig
from training.config import ExportConfig, TrainConfig
from training.export import MODEL, export
from training.train import TrainResult, train
from training.weights import WEIGHTS

ROOT = Path(__file__).resolve().parents[1]
COARSE_SHARE = 0.3
"""Of the steps, those at half height and width."""
CURATED_SHARE = 0.45
"""Of a batch, real frames."""
EMA = 0.9995
"""Of the later parts: an average of some 2,000 steps."""
FILL_MIN = 0.3
"""People as far off as this are learnt too (`crop.fill_min`)."""
CARD = "card.json"
"""Beside the weights of every part."""


class Part(NamedTuple):
    """Steps of a training, and the factor on the learning rates of the params."""

    steps: int
    lr_scale: float = 1.0

    @classmethod
    def parse(cls, text: str) -> Part:
        """`STEPS` or `STEPS:LR_SCALE`.

        Raises:
            argparse.ArgumentTypeError: it is neither, or one of them is not positive.
        """
        steps, _, scale = text.partition(":")
        try:
            part = cls(int(steps), float(scale or 1))
        except ValueError:
            part = cls(0)
        if part.steps < 1 or not part.lr_scale > 0:
            raise argparse.ArgumentTypeError(f"{text!r} is not STEPS or STEPS:LR_SCALE, as 24000:.15")
        return part


def make_student(
    options: argparse.Namespace,
    dealt: Dealt,
    fits: Mapping[str, FuseConfig],
    params: Params,
    *,
    out: Path,
    console: Console,
) -> None:
    """Label, synthesize, train and export; write the model at `out` and its card beside it. Goes on where it was.

    Part n of a student's training lies in `part<n>` of the project, and goes on from the part before.
    """
    jobs, cache = options.jobs, options.cache
    code = commit()  # before anything is written: the student itself is one of the checkout's files
    judges = fit_judges(dealt, fits, params, cache, jobs=jobs, console=console)
    projects = build(options.project, dealt, fits, judges, params, clips=options.clips, console=console)
    student: Path | None = options.init_from
    earlier = _parts(student)
    for number, part in enumerate(options.parts, start=1 + len(earlier)):
        config = config_for(params, part, first=student is None)
        folder = options.project / f"part{number}"
        result = _train(config, projects, out=folder, init_from=student, console=console)
        earlier = _carded(folder, part, config, result, composition(projects), code=code, earlier=earlier)
        student = folder
    assert student is not None, "the options ask for one part at least"
    export(config=ExportConfig(), student=student, out=student)
    out.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy(student / MODEL, out)
    last = {name: earlier[-1][name] for name in ("command", "commit", "data")}
    card = json.loads((student / CARD).read_text())
    out.with_suffix(".json").write_text(_json({"sha256": _sha256(out), **last, **card}))


Entry = dict[str, Any]
"""What a card says of one part."""


def _carded(
    folder: Path,
    part: Part,
    config: TrainConfig,
    result: TrainResult,
    data: Mapping[str, Any],
    *,
    code: str,
    earlier: Sequence[Entry],
) -> list[Entry]:
    """The parts up to the one in `folder`, whose card is written, unless it had one of these weights before."""
    weights = _sha256(folder / WEIGHTS)
    known = _parts(folder)
    if known[-1].get("commit") and known[-1]["weights"] == weights:
        return known
    made = {
        **part._asdict(),
        "data": data,
        "depths": config.model.depths,
        "command": shlex.join(["python", "benchmarks/student_vs_mediapipe.py", *_plain(sys.argv[1:])]),
        "commit": code,
        "best_step": result.best_step,
        "val_iou": round(result.best_iou, 4),
        "weights": weights,
    }
    parts = [*earlier, made]
    (folder / CARD).write_text(_json({"parts": parts, "train": config.model_dump(mode="json")}))
    return parts


def _parts(student: Path | None) -> list[Entry]:
    """The parts of a student; of one without a card only its weights are known."""
    if student is None:
        return []
    if not (student / CARD).exists():
        return [{"weights": _sha256(student / WEIGHTS)}]
    parts: list[Entry] = json.loads((student / CARD).read_text())["parts"]
    return parts


def _train(
    config: TrainConfig, projects: Sequence[Project], *, out: Path, init_from: Path | None, console: Console
) -> TrainResult:
    """One part of the training, into the folder `out`; where it was before, it goes on."""
    with stage_progress(f"train, {out.name}", console) as progress:

        def told(step: int, steps: int, figures: Mapping[str, float]) -> None:
            progress(step, steps, " ".join(f"{name} {value:.3f}" for name, value in figures.items()))

        return train(
            config=config,
            clips=_shards(projects, "synthesize"),
            curated=_shards(projects, "curate"),
            weights=projects[0].weights,
            out=out,
            checkpoints=out.with_name(f"checkpoints-{out.name}"),
            init_from=init_from,
            progress=told,
        )


def config_for(params: Params, part: Part, *, first: bool) -> TrainConfig:
    """The project's training, longer or shorter, to its last step: it gains most there, and is not to be stopped.

    A later part sees whole frames only, and the average at its end is the student: the split val has few people, and
    of neighbouring validations one is the best by luck.
    """
    train = calmed(params.train)
    update: dict[str, Any] = {
        "steps": part.steps,
        "coarse_steps": round(part.steps * COARSE_SHARE),
        "patience": part.steps,
        "batch": train.batch.model_copy(update={"curated_share": CURATED_SHARE}),
        "crop": train.crop.model_copy(update={"fill_min": FILL_MIN}),
    }
    if not first:
        update |= {"coarse_steps": 0, "ema": EMA, "validate_every": part.steps}
    for name in ("learning_rate", "kernel_learning_rate"):
        update[name] = part.lr_scale * getattr(train, name)
    return train.model_copy(update=update)


def composition(projects: Sequence[Project]) -> dict[str, Any]:
    """What was learnt from: frames of split train by folder of footage and group, synthetic clips, licences."""
    frames: Counter[str] = Counter()
    groups: Counter[str] = Counter()
    licences: set[str] = set()
    for path in _shards(projects, "curate"):
        for row in pq.read_table(path, columns=["path", "split", "group", "licences"]).to_pylist():
            if row["split"] == "train":
                frames["/".join(row["path"].split("/")[:-1]) or row["path"]] += 1
                groups[row["group"]] += 1
                licences.update(row["licences"])
    splits = Counter[str]()
    for path in _shards(projects, "synthesize"):
        splits.update(pq.read_table(path, columns=["split"]).column("split").to_pylist())
    return {
        "frames": dict(sorted(frames.items())),
        "groups": dict(sorted(groups.items())),
        "synthetic_clips": splits["train"],
        "licences": sorted(licences),
    }


def commit() -> str:
    """The checkout's commit; with a plus where files differ from it."""
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
    changed = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=no"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return head.stdout.strip() + ("+" if changed.stdout.strip() else "")


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _json(card: Mapping[str, Any]) -> str:
    return json.dumps(card, indent=2) + "\n"


def _shards(projects: Sequence[Project], stage: str) -> list[Path]:
    return [path for project in projects for path in project.shards(stage)]


def _plain(words: Sequence[str]) -> list[str]:
    """The words without paths of this machine: a folder is its own business."""
    return ["DIR" if word.startswith(("/", "~")) else word for word in words]
