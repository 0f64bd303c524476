"""Groups: data of different precision is treated differently. Who is in which; `qa.weighting` says what each counts."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from stages.base import Config


class GroupConfig(Config):
    """What a label needs to be in a group, and the error expected of each group.

    Attributes:
        silver_quality: quality from which a label is silver; None: no label is. By hand until an audit chooses it.
        bronze_agreement: median IoU with the teachers from which a label's core is taken to be right.
        bronze_core_doubt: share of contradicting votes in the core up to which it is.
        expected_error: share of wrong pixels expected in each group, away from the contour: as measured on footage with
            truth (docs/groups.md), until an audit measures it on this one.
        expected_band_error: the same in the band around the contour, where labels of every group are worse.
    """

    silver_quality: float | None = Field(default=0.8, ge=0, le=1)
    bronze_agreement: float = Field(default=0.5, ge=0, le=1)
    bronze_core_doubt: float = Field(default=0.35, ge=0, le=1)
    expected_error: dict[str, float] = Field(default={"gold": 0.01, "silver": 0.02, "bronze": 0.04, "reject": 0.5})
    expected_band_error: dict[str, float] = Field(default={"gold": 0.02, "silver": 0.05, "bronze": 0.08, "reject": 0.5})


def group_of(
    quality: float,
    signals: Mapping[str, float],
    config: GroupConfig,
    *,
    proven: bool,
    cleared: bool = False,
    known_error: bool = False,
) -> str:
    """The group of a label: gold if `proven` (reviewed or keyed), silver by quality, bronze if its core agrees.

    An imported mask that its judge has `cleared` is bronze at least: it is worth most where teachers fail, and there
    their agreement is no measure of it. A label with a `known_error` that is kept all the same is bronze at best. One
    on which no teacher voted is nobody's: reject.
    """
    if proven:
        return "gold"
    if "label_iou" not in signals:
        return "reject"
    if config.silver_quality is not None and quality >= config.silver_quality:
        return "bronze" if known_error else "silver"
    if cleared:
        return "bronze"
    agrees = signals["label_iou"] >= config.bronze_agreement
    return "bronze" if agrees and signals.get("core_doubt", 0.0) <= config.bronze_core_doubt else "reject"
