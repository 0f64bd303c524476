"""`params.yaml`: every knob of the house, one section a stage. An unknown key is an error that names it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, ValidationError

from pipeline.resources import Resources
from qa.curate import CurateConfig
from qa.score import ScoreConfig
from stages.base import Config
from stages.detect import DetectConfig
from stages.fuse import FuseConfig
from stages.ingest import IngestConfig
from stages.plate import PlateConfig
from stages.synthesize import SynthesizeConfig
from stages.teachers.registry import VoteConfig
from training.config import EvaluateConfig, ExportConfig, TrainConfig
from training.live_config import ApplyConfig


class ParamsError(ValueError):
    """`params.yaml` is not valid. The message names the file, the key and what was expected."""


class PipelineConfig(Config):
    """How stages are run. Only `shard_frames` and `backgrounds_per_shard` change what is in the shards.

    Attributes:
        runner: `ray` (all cores, or the cluster that RAY_ADDRESS names) or `local` (one process).
        store: folder of the content-addressed store, relative to the project's root.
        shard_frames: a shard ends at the first border between clips after this many frames.
        backgrounds_per_shard: background shards per split that one shard of people is composited on.
        accept_failures: go on without clips whose failure may pass (out of memory, a lost worker).
        max_fail_fraction: stop when more than this share of a stage's inputs failed for good.
        stall_seconds: a worker that shows no progress for so long is ended; longer than the slowest step of any stage.
        resources: per stage, what one worker needs.
    """

    runner: Literal["ray", "local"] = "ray"
    store: str = ".autoroto/store"
    shard_frames: int = Field(64, ge=1)
    backgrounds_per_shard: int = Field(12, ge=1)
    accept_failures: bool = False
    max_fail_fraction: float = Field(0.5, ge=0, le=1)
    stall_seconds: float = Field(900, gt=0)
    resources: dict[str, Resources] = Field(default_factory=dict)

    def resources_of(self, stage: str) -> Resources:
        """The stage's resources, or one CPU."""
        return self.resources.get(stage, Resources())


class Params(Config):
    """The whole of `params.yaml`."""

    pipeline: PipelineConfig = PipelineConfig()
    ingest: IngestConfig = IngestConfig()
    detect: DetectConfig = DetectConfig()
    vote: VoteConfig = VoteConfig()
    fuse: FuseConfig = FuseConfig()
    score: ScoreConfig = ScoreConfig()
    curate: CurateConfig = CurateConfig()
    plate: PlateConfig = PlateConfig()
    synthesize: SynthesizeConfig = SynthesizeConfig()
    train: TrainConfig = TrainConfig()
    evaluate: EvaluateConfig = EvaluateConfig()
    export: ExportConfig = ExportConfig()
    apply: ApplyConfig = ApplyConfig()

    def with_runner(self, runner: str) -> Params:
        """The same params with another runner.

        Raises:
            ParamsError: no such runner.
        """
        if runner not in ("ray", "local"):
            raise ParamsError(f"no runner {runner!r}; `ray` or `local`")
        return self.model_copy(update={"pipeline": self.pipeline.model_copy(update={"runner": runner})})


def load_params(path: Path) -> Params:
    """Read and check `params.yaml`.

    Raises:
        ParamsError: not YAML, an unknown key, or a value out of range.
        FileNotFoundError: no such file.
    """
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: run autoroto in the project's folder, where params.yaml lies")
    try:
        values: dict[str, Any] = yaml.safe_load(path.read_text()) or {}
    except yaml.YAMLError as error:
        raise ParamsError(f"{path} is not YAML: {error}") from error
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        lines = [f"  {'.'.join(map(str, issue['loc']))}: {issue['msg']}" for issue in error.errors()]
        raise ParamsError(f"{path} has {len(lines)} wrong entries:\n" + "\n".join(lines)) from error
