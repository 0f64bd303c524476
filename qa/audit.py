"""The audit: what a random sample of labels, looked at by people, says about the groups.

A sample of a few per cent of the frames is drawn by hash, so that nobody chooses it. People accept, fix or reject each
of its labels (`datasets.reviews`). From that follow the quality from which a label may be called silver, with a
guarantee, and the share of wrong pixels that each group really has.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, ValidationError
from scipy.special import betaincinv

from datasets.schema import GROUPS
from stages.base import Config

FILE = "audit.json"
"""Lies beside the decisions, in `data/reviews/`, and is versioned with them."""

FrameKey = tuple[str, int]
"""`(source, time_us)`."""


class AuditConfig(Config):
    """How the audit is drawn and what it must prove.

    Attributes:
        share: of the frames that are drawn, at most 5 %. salt: of the draw's hash.
        bad: largest share of bad labels in silver. confidence: with which that must hold.
        good_iou, good_f: IoU and boundary F with the reviewer's mask from which a label is good, as the judge has it.
        prior_frames: a group's hand-set error counts as much as so many audited frames.
        rejected_error: share of wrong pixels of a label whose frame the reviewer rejects: it says nothing.
    """

    share: float = Field(default=0.05, gt=0, le=0.05)
    salt: str = "audit"
    bad: float = Field(default=0.05, gt=0, lt=1)
    confidence: float = Field(default=0.9, gt=0, lt=1)
    good_iou: float = Field(default=0.95, ge=0, le=1)
    good_f: float = Field(default=0.85, ge=0, le=1)
    prior_frames: float = Field(default=10, ge=0)
    rejected_error: float = Field(default=0.5, ge=0, le=1)


class GroupError(Config):
    """Share of wrong pixels of a group, away from the contour and in the band around it; `count` frames looked at."""

    core: float = Field(ge=0, le=1)
    band: float = Field(ge=0, le=1)
    count: int = Field(ge=0)


class Audit(Config):
    """The table that an audit leaves: `data/reviews/audit.json`.

    Attributes:
        drawn: frames of the sample. decided: those of them with a verdict on the present label.
        verdict: `held`: from `silver_quality` on the guarantee holds; `failed`: it holds nowhere, no label is silver;
            `too_few`: so small a sample could not prove it even without a bad label; the hand-set threshold stays.
        silver_quality: the lowest quality with the guarantee, where it held. silver_count, silver_bad: audited labels
            from there on and the bad ones among them. silver_bound: upper bound of their share.
        errors: of each group.
        share, bad, confidence: of the configuration that it was taken with.
    """

    drawn: int
    decided: int
    verdict: Literal["held", "failed", "too_few"]
    silver_quality: float | None
    silver_count: int
    silver_bad: int
    silver_bound: float
    errors: dict[str, GroupError]
    share: float
    bad: float
    confidence: float


class AuditError(ValueError):
    """An audit table is not what it should be. The message names the file and the cure."""


@dataclass(frozen=True)
class Silver:
    """A threshold on the quality: audited labels from it on, the bad ones among them, the bound of their share."""

    quality: float
    count: int
    bad: int
    bound: float


def upper_bound(bad: int, count: int, confidence: float) -> float:
    """One-sided upper confidence bound of the probability behind `bad` of `count` (1 when nothing was counted).

    The p at which so few bad ones have the probability 1 − confidence. With none bad it is 1 − (1 − confidence)^(1/n):
    forty-five good labels prove 5 % at 90 %. Source: Clopper and Pearson, Biometrika 1934.
    """
    if count == 0 or bad >= count:
        return 1.0
    return float(betaincinv(bad + 1, count - bad, confidence))


def least_count(bad: float, confidence: float) -> int:
    """The fewest labels that, all being good, prove a share of bad ones of at most `bad`."""
    count = 1
    while upper_bound(0, count, confidence) > bad:
        count += 1
    return count


def silver_threshold(qualities: Sequence[float], bad: Sequence[bool], config: AuditConfig) -> Silver | None:
    """The lowest quality from which at most `config.bad` of the labels are bad; None where that cannot be proved.

    Trying thresholds until one passes would find one by luck. So the tests come in a fixed order, from the best labels
    down, a tenth of the audit at a time, and stop at the first that fails: that keeps the confidence however many are
    made (fixed-sequence testing: Angelopoulos et al., "Learn then Test", 2021). The first test is of the better half
    or of as few as can prove anything; no verdict has a say in where the tests are. Equal qualities come together.
    """
    order = sorted(range(len(qualities)), key=lambda index: -qualities[index])
    count = max(least_count(config.bad, config.confidence), len(order) // 2)
    best: Silver | None = None
    while count <= len(order):
        lowest = qualities[order[count - 1]]
        above = [index for index in order if qualities[index] >= lowest]
        wrong = sum(bad[index] for index in above)
        bound = upper_bound(wrong, len(above), config.confidence)
        if bound > config.bad:
            break
        best = Silver(lowest, len(above), wrong, bound)
        if count == len(order):
            break
        count = min(max(count, len(above)) + max(1, len(order) // 10), len(order))
    return best


def draw(frames: Iterable[tuple[str, int, int, int]], config: AuditConfig) -> set[FrameKey]:
    """The sample: keys of the drawn frames among `(source, clip, burst, time_us)`.

    Every frame has the same chance, but of a burst one frame at most is drawn: eight consecutive frames are one look at
    the label, not eight.
    """
    bursts: dict[tuple[str, int, int], list[int]] = defaultdict(list)
    for source, clip, burst, time_us in frames:
        bursts[source, clip, burst].append(time_us)
    drawn = set()
    for (source, clip, burst), times in bursts.items():
        if _uniform(config.salt, source, clip, burst) < config.share * len(times):
            chosen = min(times, key=lambda time_us: _uniform(config.salt, source, time_us))
            drawn.add((source, chosen))
    return drawn


def _uniform(*parts: object) -> float:
    digest = hashlib.sha256("|".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


def group_errors(
    groups: Sequence[str],
    errors: Sequence[tuple[float, float]],
    by_hand: Mapping[str, tuple[float, float]],
    *,
    prior_frames: float,
) -> dict[str, GroupError]:
    """Expected (core, band) error of every group: the mean over its audited frames and the hand-set error together.

    The hand-set one counts as `prior_frames` frames: a group of which three frames were looked at is not known better
    than that, and one that nobody looked at keeps its number.
    """
    found = {}
    for group in GROUPS:
        seen = [error for name, error in zip(groups, errors, strict=True) if name == group]
        sums = np.asarray(by_hand[group]) * prior_frames + np.sum(np.reshape(seen, (-1, 2)), axis=0)
        total = prior_frames + len(seen)
        core, band = sums / total if total else by_hand[group]
        found[group] = GroupError(core=float(core), band=float(band), count=len(seen))
    return found


def write_audit(path: Path, audit: Audit) -> None:
    """Write the table as JSON, readable and the same for the same audit."""
    path.write_text(json.dumps(audit.model_dump(mode="json"), indent=2, sort_keys=True) + "\n", encoding="utf-8")


def read_audit(path: Path) -> Audit | None:
    """The table at `path`, or None without one.

    Raises:
        AuditError: the file is no audit table.
    """
    if not path.exists():
        return None
    try:
        return Audit.model_validate_json(path.read_text(encoding="utf-8"))
    except (ValidationError, UnicodeDecodeError) as error:
        raise AuditError(f"{path}: not an audit table ({error}); take the audit again or remove the file") from error


def sentence(audit: Audit) -> str:
    """What the audit says of silver."""
    promise = f"P(bad | silver) <= {audit.bad:.0%} at {audit.confidence:.0%} confidence"
    if audit.verdict == "too_few":
        return f"Too few labels were drawn to prove {promise}: silver's threshold stays as set by hand."
    if audit.verdict == "failed":
        return f"No threshold was proved to give {promise}: no label is silver."
    return (
        f"Silver from quality {audit.silver_quality:.3f}: {audit.silver_bad} of {audit.silver_count} labels are "
        f"bad, at most {audit.silver_bound:.1%} ({promise})."
    )
