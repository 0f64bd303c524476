"""Groups: data of different precision is treated differently. Who is in which, and how much each counts at first."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from datasets.schema import GROUPS
from stages.base import Config


class GroupConfig(Config):
    """What a label needs to be in a group, and the error expected of each group.

    Attributes:
        silver_quality: quality from which a label is silver.
        bronze_agreement: median IoU with the teachers from which a label's core is taken to be right.
        bronze_core_doubt: share of contradicting votes in the core up to which it is.
        expected_error: share of wrong pixels expected in each group. Set by hand (people themselves agree to about
            98 % IoU); an audit replaces the numbers in a later version.
    """

    silver_quality: float = Field(default=0.8, ge=0, le=1)
    bronze_agreement: float = Field(default=0.75, ge=0, le=1)
    bronze_core_doubt: float = Field(default=0.2, ge=0, le=1)
    expected_error: dict[str, float] = Field(default={"gold": 0.01, "silver": 0.03, "bronze": 0.1, "reject": 0.5})


def group_of(quality: float, signals: Mapping[str, float], config: GroupConfig, *, proven: bool) -> str:
    """The group of a label: gold if `proven` (reviewed or keyed), silver by quality, bronze if its core agrees.

    A label on which no teacher voted is nobody's: reject.
    """
    if proven:
        return "gold"
    if "label_iou" not in signals:
        return "reject"
    if quality >= config.silver_quality:
        return "silver"
    agrees = signals["label_iou"] >= config.bronze_agreement
    return "bronze" if agrees and signals.get("core_doubt", 0.0) <= config.bronze_core_doubt else "reject"


def start_weight(error: float) -> float:
    """Weight `(1 − 2e)²`, clipped to 0.05-1, of labels of which a share `error` is wrong; from e = 0.5 on the least.

    (A label that is wrong half of the time says nothing, and this formula alone would trust one that is always wrong.)
    """
    return min(1.0, max(0.05, (1 - 2 * min(error, 0.5)) ** 2))


def weight_rows(counts: Mapping[str, int], config: GroupConfig) -> list[dict[str, str | int | float]]:
    """Rows of the weights table, one per group: `group`, `weight`, `count` (labels in it), `expected_error`.

    Raises:
        ValueError: the configuration names no expected error for a group.
    """
    missing = [group for group in GROUPS if group not in config.expected_error]
    if missing:
        raise ValueError(f"curate.groups.expected_error lacks {', '.join(missing)}; give each of {', '.join(GROUPS)}")
    return [
        {
            "group": group,
            "weight": start_weight(config.expected_error[group]),
            "count": counts.get(group, 0),
            "expected_error": config.expected_error[group],
        }
        for group in GROUPS
    ]
