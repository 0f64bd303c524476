"""Typed damage for the benchmarks; the judge is calibrated with the same, so it lives in `qa.damage`."""

from qa.damage import ALL, MOST, ONE, TYPES, damage_burst, damage_to_iou, inject, reference_masks
from qa.damage_plans import Change, plan

__all__ = [
    "ALL",
    "MOST",
    "ONE",
    "TYPES",
    "Change",
    "damage_burst",
    "damage_to_iou",
    "inject",
    "plan",
    "reference_masks",
]
