"""Receipts: what one unit of work produced. They are all that travels between a worker and its driver."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class StoredFile:
    """One file of a unit's result.

    Attributes:
        name: path within the stage's folder of the store, with `/`.
        sha256: of its bytes (hex). size: bytes. rows: Parquet rows, 0 for other files.
    """

    name: str
    sha256: str
    size: int
    rows: int = 0


@dataclass(frozen=True)
class Receipt:
    """The outcome of one unit of work, the same whoever ran it and however often. No times in here.

    Attributes:
        stage, folder: stage name and sub-folder of its out (a teacher's name for `vote`, else "").
        key: hash of everything the result depends on.
        label: the unit's name for people, a source's path.
        lineage: name of the ingest shard that the unit stems from; "" for ingest itself.
        files: what was produced, in order; empty when every input was dropped or failed.
        inputs, done: counts in units of the stage's input; `inputs = done + sum(dropped) + sum(failed)`.
        dropped, failed: reason to count. details: messages of the Fails, in order.
        licences: SPDX identifiers of everything inside, sorted.
    """

    stage: str
    folder: str
    key: str
    label: str
    lineage: str
    files: tuple[StoredFile, ...]
    inputs: int
    done: int
    dropped: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, int] = field(default_factory=dict)
    details: tuple[str, ...] = ()
    licences: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        total = self.done + sum(self.dropped.values()) + sum(self.failed.values())
        if total != self.inputs or self.done < 0:
            raise ValueError(
                f"{self.stage} {self.label}: {self.inputs} inputs but done {self.done} + dropped {dict(self.dropped)} "
                f"+ failed {dict(self.failed)} = {total}; a stage must account for every input exactly once"
            )

    def to_json(self) -> str:
        """Canonical JSON: equal receipts have equal bytes."""
        return json.dumps(asdict(self), sort_keys=True, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Receipt:
        """Raises ValueError (json or missing field) when the text is no receipt."""
        values: dict[str, Any] = json.loads(text)
        try:
            values["files"] = tuple(StoredFile(**file) for file in values["files"])
            values["details"] = tuple(values["details"])
            values["licences"] = tuple(values["licences"])
            return cls(**values)
        except (KeyError, TypeError) as error:
            raise ValueError(f"not a receipt: {error}") from error
