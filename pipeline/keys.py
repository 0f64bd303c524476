"""Shard keys: a hash of everything that a unit's result depends on. Same key, same bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from datasets.schema import FORMAT_VERSION
from pipeline.code_digest import code_digest
from pipeline.digests import DigestCache
from stages.base import Stage

KEY_LENGTH = 32


def stage_digest(stage: Stage[Any, Any], digests: DigestCache) -> str:
    """Hash of what all units of a configured stage share: its code, params, weights, libraries and row schema.

    Raises:
        FileNotFoundError: a weight file is missing; the message says how to get it.
    """
    return hash_of(
        {
            "stage": stage.name,
            "code": code_digest(*stage.modules()),
            "params": json.loads(stage.config.model_dump_json()),
            "weights": [_weight_digest(stage.root, path, digests) for path in stage.weights()],
            "libraries": {name: version(name) for name in sorted(stage.libraries)},
            "schema": str(stage.produces.arrow_schema()),
            "format": FORMAT_VERSION,
            "device": stage.device,
        }
    )


def unit_key(shared: str, inputs: Sequence[str]) -> str:
    """The key of one unit: the stage's digest and, in order, what names its inputs (shard names or file digests)."""
    return hash_of({"stage": shared, "inputs": list(inputs)})


def hash_of(values: object) -> str:
    """The first 32 hex digits of the SHA-256 of canonical JSON."""
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_LENGTH]


def _weight_digest(root: Path, path: str, digests: DigestCache) -> str:
    file = root / path
    if not file.is_file():
        raise FileNotFoundError(f"weight file {file} is missing: run `autoroto fetch`, or mend the path in params.yaml")
    return digests.of(file)
