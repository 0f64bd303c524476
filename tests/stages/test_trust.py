"""Trust: full where teachers agree, none where a region is disputed, soft in the band."""

from __future__ import annotations

import numpy as np
import pytest

from stages.trimap import BACKGROUND, FOREGROUND, UNKNOWN
from stages.trust import TrustConfig, trust_map

CONFIG = TrustConfig(agree=0.7, min_region=0.05)  # of a diagonal of 100: 5 pixels


def scene() -> dict[str, np.ndarray]:
    alpha = np.zeros((60, 80), np.float32)
    alpha[:, :40] = 1
    trimap = np.where(alpha == 1, FOREGROUND, BACKGROUND).astype(np.uint8)
    trimap[:, 38:42] = UNKNOWN
    return {"alpha": alpha, "probability": alpha.copy(), "support": np.ones_like(alpha), "trimap": trimap}


def test_agreement_is_trusted_everywhere() -> None:
    np.testing.assert_array_equal(trust_map(**scene(), config=CONFIG), 1)


def test_a_disputed_region_is_not_trusted_at_all() -> None:
    values = scene()
    values["support"][10:25, 50:70] = 0.6
    trust = trust_map(**values, config=CONFIG)
    assert (trust[10:25, 50:70] == 0).all()
    assert trust[30:, 50:].min() == 1


def test_thin_disagreement_counts_by_its_support() -> None:
    values = scene()
    values["support"][10:50, 60:62] = 0.6
    trust = trust_map(**values, config=CONFIG)
    assert trust[20, 60] == pytest.approx(0.6) and trust[20, 65] == 1


def test_the_band_is_trusted_as_far_as_matting_and_votes_say_the_same() -> None:
    values = scene()
    values["probability"][:, 38:42] = 0.6
    values["alpha"][:, 38:40], values["alpha"][:, 40:42] = 0.9, 0.6
    values["support"][:, 38:42] = 0  # has no say in the band
    trust = trust_map(**values, config=CONFIG)
    np.testing.assert_allclose(trust[:, 38:40], 0.7, atol=1e-6)
    np.testing.assert_allclose(trust[:, 40:42], 1, atol=1e-6)
