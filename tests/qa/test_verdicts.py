from __future__ import annotations

import numpy as np
import pytest

from qa.verdicts import UnclearVerdict, settle

ALPHA = np.zeros((40, 60), np.uint8)
ALPHA[10:30, 20:40] = 255
ALPHA[10:30, 19] = 90
SHOWN = ALPHA > 127
PAINTED = SHOWN.copy()
PAINTED[30:38, 22:30] = True
NOTHING = np.zeros_like(ALPHA)


def test_an_accept_is_the_label_with_its_soft_edge_at_the_sources_size():
    settled = settle("accept", SHOWN, ALPHA, (60, 40))
    assert settled.verdict == "accept" and (settled.alpha == ALPHA).all()
    assert settle("accept", SHOWN, ALPHA, (120, 80)).alpha.shape == (80, 120)


@pytest.mark.parametrize("chosen", ["fix", "accept", ""])
def test_a_mask_that_was_changed_is_a_fix(chosen):
    settled = settle(chosen, PAINTED, ALPHA, (60, 40))
    assert settled.verdict == "fix" and ((settled.alpha > 127) == PAINTED).all()


def test_a_reject_needs_no_mask():
    assert settle("reject", None, ALPHA, (60, 40)).alpha is None
    assert settle("reject", PAINTED, ALPHA, (60, 40)).verdict == "reject"


@pytest.mark.parametrize(
    ("chosen", "painted", "message"),
    [("accept", None, "there is no mask"), ("fix", SHOWN, "the mask is as it was"), ("", SHOWN, "choose accept")],
)
def test_contradictions_go_back_to_the_reviewer(chosen, painted, message):
    with pytest.raises(UnclearVerdict, match=message):
        settle(chosen, painted, ALPHA, (60, 40))


def test_a_frame_without_anybody_is_accepted_without_a_region_and_made_one_by_erasing():
    assert settle("accept", None, NOTHING, (60, 40)).verdict == "accept"
    erased = settle("fix", np.zeros_like(SHOWN), ALPHA, (60, 40))
    assert erased.verdict == "fix" and not (erased.alpha > 127).any()
