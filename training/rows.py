"""Which rows a training run reads, and what tells one run from another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from datasets.schema import ClipRow, CuratedRow
from datasets.shards import file_digest
from training.config import TrainConfig
from training.data import Place, find_balanced_rows, find_rows
from training.weights import WEIGHTS


@dataclass(frozen=True)
class TrainingRows:
    """Places of the rows to learn from (rare subjects repeated) and to validate on."""

    train_clips: list[Place]
    train_curated: list[Place]
    val_clips: list[Place]
    val_curated: list[Place]

    @classmethod
    def find(
        cls, config: TrainConfig, clips: Sequence[Path], curated: Sequence[Path], weights: Mapping[str, float]
    ) -> TrainingRows:
        """Rows of the splits train and val.

        Raises:
            ValueError: too few to train on, or none to validate on.
        """
        repeats = config.batch.max_repeats
        found = cls(
            train_clips=find_balanced_rows(clips, ClipRow, split="train", weights=weights, max_repeats=repeats),
            train_curated=find_balanced_rows(curated, CuratedRow, split="train", weights=weights, max_repeats=repeats),
            val_clips=find_rows(clips, ClipRow, split="val", weights=weights),
            val_curated=find_rows(curated, CuratedRow, split="val", weights=weights),
        )
        count = len({*found.train_clips, *found.train_curated})
        if count < config.minimum_rows:
            raise ValueError(
                f"{count} rows of split train with a weight above 0 in {len(clips)} clip and {len(curated)} curated "
                f"shards, expected at least train.minimum_rows = {config.minimum_rows}: add footage to data/raw, or "
                "pin a subject to `split: train` in its sidecar"
            )
        if not found.val_clips and not found.val_curated:
            raise ValueError(
                f"no rows of split val in {len(clips)} clip and {len(curated)} curated shards: pin a subject to "
                "`split: val` in its sidecar, so that training knows when to stop"
            )
        return found


def run_identity(
    config: TrainConfig, shards: Sequence[Path], weights: Sequence[Mapping[str, float]], init_from: Path | None
) -> str:
    """Digest of all that a run's numbers depend on: its checkpoint is of no use to another run."""
    parts = {
        "config": config.model_dump(mode="json"),
        "shards": [file_digest(path) for path in sorted(shards)],
        "weights": [dict(sorted(entry.items())) for entry in weights],
        "init_from": file_digest(init_from / WEIGHTS) if init_from else "",
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
