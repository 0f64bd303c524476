"""One training and what it comes to, a row of a table; finished rows are kept, so that a killed benchmark goes on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from datasets.images import Grey
from pipeline.code_digest import code_digest
from pipeline.shards import shards_of
from training.compare import interleaved_medians, run_student
from training.config import ExportConfig, TrainConfig
from training.data import read_band_weights, read_weights
from training.evaluation_set import EvaluationShards, MeasuredBurst, find_keyed, find_test, read_keyed, read_test
from training.export import MODEL, export
from training.rows import run_identity
from training.runtime import Student
from training.scores import mean_scores, score_burst
from training.train import train

METRICS = ("iou", "boundary_f", "dtssd", "flicker")


@dataclass(frozen=True)
class Row:
    """One training to be done.

    Attributes:
        name: of the row. config: its seed is the row's. clips, curated: shards. weights: of groups; None: uniform.
        forgets: whether the student is measured with an empty prior on every frame.
    """

    name: str
    config: TrainConfig
    clips: tuple[Path, ...]
    curated: tuple[Path, ...]
    weights: Path | None
    forgets: bool = False

    @property
    def identity(self) -> str:
        """Digest of all that the row's figures depend on."""
        weights = [read_weights(self.weights), read_band_weights(self.weights)]
        trained = run_identity(self.config, [*self.clips, *self.curated], weights, None)
        code = code_digest("training.train", "training.evaluate")
        return hashlib.sha256(f"{trained} {code} {self.forgets}".encode()).hexdigest()


@dataclass(frozen=True)
class Figures:
    """What a row came to.

    Attributes:
        parameters: of the network. steps: trained. data_wait: share of the time without data.
        val: IoU on the validation split, at the student's size. scores: set to metric to mean over its frames.
        model: the exported file.
    """

    parameters: int
    steps: int
    data_wait: float
    val: float
    scores: dict[str, dict[str, float]]
    model: str


class Measuring:
    """The frames of a project on which rows are measured: the keyed clip and the curated frames of split test.

    Raises:
        ValueError: the project has neither.
    """

    def __init__(self, project: Path, *, max_frames: int) -> None:
        shards = EvaluationShards(
            frames=[shard.path for shard in shards_of("ingest", project)],
            curated=[shard.path for shard in shards_of("curate", project)],
            labels=[shard.path for shard in shards_of("fuse", project)],
        )
        self._shards, self._keyed = shards, find_keyed(shards)
        self._test = find_test(shards, max_frames=max_frames)
        if not self._keyed and not self._test:
            raise ValueError(f"{project} holds no keyed clip and no frames of split test to measure on")

    def scores(self, student: Student, *, forgets: bool) -> dict[str, dict[str, float]]:
        """Set to metric to mean."""
        found = {}
        for name, keys, read in (("keyed", self._keyed, read_keyed), ("test", self._test, read_test)):
            scored = []
            for burst in read(self._shards, keys):
                alphas = _each_alone(student, burst) if forgets else run_student(student, burst)
                scored.append(score_burst(alphas, burst.truths, burst.images))
            if scored:
                means = mean_scores(scored)
                found[name] = {metric: means[metric] for metric in METRICS if metric in means}
        return found


def finished(row: Row, cache: Path, measuring: Measuring) -> Figures:
    """The row's figures, from `cache` where it was trained before; an interrupted training goes on."""
    folder = cache / f"{row.name}-{row.config.seed}-{row.identity[:12]}"
    done = folder / "figures.json"
    if done.is_file():
        return Figures(**json.loads(done.read_text()))
    result = train(
        config=row.config,
        clips=row.clips,
        curated=row.curated,
        weights=row.weights,
        out=folder / "student",
        checkpoints=folder / "checkpoints",
    )
    exported = export(config=ExportConfig(), student=folder / "student", out=folder)
    figures = Figures(
        parameters=exported.parameters,
        steps=result.steps,
        data_wait=round(result.data_wait, 4),
        val=result.best_iou,
        scores=measuring.scores(Student(folder / MODEL), forgets=row.forgets),
        model=str((folder / MODEL).relative_to(cache)),
    )
    unfinished = done.with_suffix(".tmp")
    unfinished.write_text(json.dumps(asdict(figures), indent=2) + "\n")
    unfinished.replace(done)
    return figures


def milliseconds(models: Mapping[str, Path], *, rounds: int) -> dict[str, float]:
    """Median milliseconds a frame of each ONNX file, on one core, all of them in turns in this process."""
    students = {name: Student(path) for name, path in models.items()}
    calls = {}
    for name, student in students.items():
        inputs = {value.name: np.zeros(value.shape, np.float32) for value in student.session.get_inputs()}
        calls[name] = lambda session=student.session, given=inputs: session.run(None, given)
    return interleaved_medians(calls, rounds=rounds)


def fixed_steps(
    config: TrainConfig, steps: int, seed: int, *, update: Mapping[str, object] | None = None
) -> TrainConfig:
    """`config` for so many steps: coarse steps and warm-up in proportion, and nothing chosen by validation.

    The last average is the student, so that rows differ in what they learnt and not in when they were lucky.
    """
    share = steps / config.steps
    changed = {
        **config.model_dump(),
        "steps": steps,
        "coarse_steps": min(round(config.coarse_steps * share), steps - 1),
        "warmup_steps": min(config.warmup_steps, steps // 10),
        "validate_every": steps,
        "patience": steps,
        "seed": seed,
        "init_from": "",
        **(update or {}),
    }
    return TrainConfig.model_validate(changed)


def shards_in(project: Path) -> tuple[tuple[Path, ...], tuple[Path, ...], Path]:
    """Clips, curated frames and weights of groups of a project.

    Raises:
        FileNotFoundError: its stages have not run.
    """
    clips, curated = (tuple(shard.path for shard in shards_of(stage, project)) for stage in ("synthesize", "curate"))
    return clips, curated, project / "data" / "curate" / "weights.parquet"


def _each_alone(student: Student, burst: MeasuredBurst) -> list[Grey]:
    found = []
    for image in burst.images:
        student.reset()
        found.append(student(image))
    return found
