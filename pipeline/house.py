"""The stages of the house: in which order they stand, what each reads, and how it is built from the params."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path

from pipeline.params import Params
from pipeline.work import AnyStage, StageSpec

FRAME_STAGES = ("ingest", "detect", "vote", "fuse", "score", "curate", "plate", "synthesize")
"""Stages that turn shards into shards, in the order of the house. Ray runs them."""

RESULT_STAGES = ("train", "evaluate", "export", "report")
"""Stages that turn many shards into one result."""

UPSTREAM: dict[str, tuple[str, ...]] = {
    "detect": ("ingest",),
    "vote": ("ingest", "detect"),
    "fuse": ("ingest", "detect", "vote"),
    "score": ("fuse", "ingest", "detect", "vote"),
    "curate": ("score", "ingest", "fuse"),
    "plate": ("ingest", "detect", "fuse"),
    "synthesize": ("curate", "plate"),
}
"""Which stages' shards a unit reads, the primary first; the others are joined by the ingest shard they stem from."""

LIGHT = 32 * 2**20
"""Bytes of weights up to which a teacher is light: a worker keeps it open beside others, and they share frames."""

_CLASSES = {
    "ingest": "stages.ingest:Ingest",
    "detect": "stages.detect:Detect",
    "vote": "stages.vote:Vote",
    "fuse": "stages.fuse:Fuse",
    "score": "qa.score:Score",
    "curate": "qa.curate:Curate",
    "plate": "stages.plate:Plate",
    "synthesize": "stages.synthesize:Synthesize",
}


class ChainError(RuntimeError):
    """A stage reads rows that no stage before it makes. The message names both."""


def check_chain(stage: str) -> None:
    """Check, before any worker starts, that what `stage` consumes is what the stages before it produce.

    Raises:
        ChainError: it is not, or its primary input is not the first.
    """
    if stage not in UPSTREAM:
        return
    consumes, made = stage_class(stage).consumes, [stage_class(before).produces for before in UPSTREAM[stage]]
    if consumes[0] is not made[0] or not set(consumes) <= set(made):
        raise ChainError(
            f"{stage} consumes {[row.__name__ for row in consumes]}, but {list(UPSTREAM[stage])} produce "
            f"{[row.__name__ for row in made]}: mend UPSTREAM in pipeline/house.py or the stage's `consumes`"
        )


def stage_class(stage: str) -> type[AnyStage]:
    """The class of a stage."""
    module, _, name = _CLASSES[stage].partition(":")
    found: type[AnyStage] = getattr(importlib.import_module(module), name)
    return found


def stage_specs(stage: str, params: Params, root: Path) -> Iterator[tuple[str, StageSpec]]:
    """`(sub-folder of the out, spec)` of a stage; `vote` has one per enabled teacher, so keys are per teacher."""
    if stage == "vote":
        for name, teacher in params.vote.teachers.items():
            if teacher.enabled:
                light = sum((root / file).stat().st_size for file in teacher.files if (root / file).exists()) <= LIGHT
                yield name, StageSpec(_CLASSES[stage], params.vote.only(name), root, light)
    else:
        yield "", StageSpec(_CLASSES[stage], getattr(params, stage), root)
