"""Train, val and test: by a salted hash of the subject unless a sidecar pins it, so that nobody is in two splits."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from datasets.schema import SPLITS


class SplitError(ValueError):
    """The footage cannot be split as asked. The message names the files and says what to pin."""


@dataclass(frozen=True, order=True)
class Assignment:
    """One source file and the split its subject fell into."""

    subject: str
    split: str
    path: str


def check_ratios(ratios: Mapping[str, float]) -> None:
    """Raise SplitError unless `ratios` gives each of train, val and test a share and the shares add up to 1."""
    if set(ratios) != set(SPLITS) or min(ratios.values()) < 0 or not math.isclose(sum(ratios.values()), 1):
        raise SplitError(f"split ratios must be shares of {', '.join(SPLITS)} that add up to 1, got {dict(ratios)}")


def assign_split(subject: str, *, pinned: str, ratios: Mapping[str, float], salt: str) -> str:
    """The split of a subject: `pinned` if set, else by where the SHA-256 of salt and subject falls in the ratios.

    The answer depends on nothing else, so new footage never moves old footage into another split.

    Raises:
        SplitError: the pinned split is none of train, val, test, or the ratios are no shares of them.
    """
    if pinned:
        if pinned not in SPLITS:
            raise SplitError(f"subject {subject!r} is pinned to {pinned!r}; use one of {', '.join(SPLITS)}")
        return pinned
    check_ratios(ratios)
    digest = hashlib.sha256(f"{salt}\0{subject}".encode()).digest()
    position = int.from_bytes(digest[:8], "big") / 2**64
    bound = 0.0
    for split in SPLITS:
        bound += ratios[split]
        if position < bound:
            return split
    return SPLITS[-1]


def check_splits(assignments: Iterable[Assignment], *, required: Sequence[str] = SPLITS) -> None:
    """Raise SplitError if a subject is in two splits or a required split is empty. Check the whole data set at once."""
    seen: dict[str, Assignment] = {}
    for assignment in sorted(set(assignments)):
        first = seen.setdefault(assignment.subject, assignment)
        if first.split != assignment.split:
            raise SplitError(
                f"subject {first.subject!r} is in two splits: {first.path} in {first.split}, "
                f"{assignment.path} in {assignment.split}; pin both to one with `split:` in their sidecars "
                f"({_sidecar(first.path)}, {_sidecar(assignment.path)}), "
                "or give them different subjects if they show different people"
            )
    for split in required:
        if not any(assignment.split == split for assignment in seen.values()):
            raise SplitError(_empty(split, seen))


def _empty(split: str, seen: Mapping[str, Assignment]) -> str:
    if not seen:
        return f"split {split} is empty: no frame was curated at all; look at the drops of score and curate"
    subjects = {name: sorted(a.path for a in seen.values() if a.split == name) for name in SPLITS}
    fullest = max(SPLITS, key=lambda name: len(subjects[name]))
    path = subjects[fullest][0]
    counts = ", ".join(f"{len(paths)} in {name}" for name, paths in subjects.items())
    if len(seen) < len(SPLITS):
        return (
            f"split {split} is empty: {len(seen)} subject(s) ({counts}) cannot fill {len(SPLITS)} splits; "
            f"add footage of another person with `split: {split}` in its sidecar"
        )
    return (
        f"split {split} is empty ({counts} subjects); pin a subject to it with `split: {split}` in a sidecar, "
        f"for instance {_sidecar(path)} for {path} (now in {fullest}), and in those of the same subject"
    )


def _sidecar(path: str) -> str:
    return str(PurePosixPath(path).with_suffix(".yaml"))
