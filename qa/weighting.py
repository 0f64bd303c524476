"""Weights: how much a group's labels count in training, and how far each pixel of an annotation is trusted."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from datasets.images import Grey
from datasets.schema import GROUPS
from qa.audit import Audit
from qa.groups import GroupConfig

LEAST_WEIGHT = 0.05


def start_weight(error: float) -> float:
    """Weight `1 − 2e`, clipped to 0.05-1, of labels of which a share `error` is wrong; from e = 0.5 on the least.

    A binary label that is wrong with probability e says (1 − 2e)·truth, and the rest is noise. A sum of such labels is
    least noisy when each counts by its signal over its variance, and the variance is nearly the same for all: a noisy
    label's own, and a right label's by what the frame happens to show. (Labels over their attenuation, as in
    N. Natarajan et al., "Learning with noisy labels", NeurIPS 2013, would count by the square of 1 − 2e; training takes
    labels as they are.)
    """
    return min(1.0, max(LEAST_WEIGHT, 1 - 2 * error))


def weight_rows(
    counts: Mapping[str, int], config: GroupConfig, audit: Audit | None = None
) -> list[dict[str, str | int | float]]:
    """Rows of the weights table, one a group: its weights in the core and in the band, and what they follow from.

    `weight` and `band_weight` follow from `expected_error` and `expected_band_error`: the audit's, where there is one,
    else those of the configuration. `count` is labels in the group, `audited` how many of them an audit looked at.

    Raises:
        ValueError: the configuration names no expected error for a group.
    """
    by_hand = (("expected_error", config.expected_error), ("expected_band_error", config.expected_band_error))
    for name, errors in by_hand:
        missing = [group for group in GROUPS if group not in errors]
        if missing:
            raise ValueError(f"curate.groups.{name} lacks {', '.join(missing)}; give each of {', '.join(GROUPS)}")
    rows: list[dict[str, str | int | float]] = []
    for group in GROUPS:
        found = audit.errors.get(group) if audit else None
        core = found.core if found else config.expected_error[group]
        band = found.band if found else config.expected_band_error[group]
        rows.append(
            {
                "group": group,
                "weight": start_weight(core),
                "band_weight": start_weight(band),
                "count": counts.get(group, 0),
                "expected_error": core,
                "expected_band_error": band,
                "audited": found.count if found else 0,
            }
        )
    return rows


def annotation_trust(mask: Grey, alpha: Grey, trust: Grey, good: float) -> Grey:
    """Trust `(H, W)` uint8 of an imported mask: in each pixel the chance that it is right there.

    With the chance `good` (0-1) that its judge gives it, it is right everywhere; else as far as the teachers back it.
    That follows from the fused `alpha` and the `trust` that they give it: where both are on the same side of one half,
    their trust in the one is their trust in the other. Where they are not, what backs the fused label speaks against
    the mask: the rest is left.
    """
    same = (mask >= 128) == (alpha >= 128)
    backed = np.where(same, trust, 255 - trust)
    return np.rint(255 * good + (1 - good) * backed).astype(np.uint8)
