from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from datasets.images import encode_png
from datasets.reviews import Decision
from qa.agreement import pairs

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def said(reviewer: str, verdict: str, *, minute: int, columns: int = 20, time_us: int = 0) -> Decision:
    mask = np.zeros((10, 40), np.uint8)
    mask[:, :columns] = 255
    png = b"" if verdict == "reject" else encode_png(mask)
    when = NOON + timedelta(minutes=minute)
    return Decision(source="s", time_us=time_us, verdict=verdict, mask=png, reviewer=reviewer, decided_at=when)


def test_the_same_mask_is_agreement_whatever_it_is_called():
    (pair,) = pairs([said("eve", "accept", minute=0), said("bob", "fix", minute=1)])
    assert pair.agree and pair.iou == 1.0
    assert (pair.first.reviewer, pair.second.reviewer) == ("eve", "bob")


def test_another_mask_and_another_fate_are_none():
    masks, fates = pairs(
        [
            said("eve", "fix", minute=0), said("bob", "fix", minute=1, columns=10),
            said("eve", "accept", minute=0, time_us=40), said("bob", "reject", minute=1, time_us=40),
        ]
    )  # fmt: skip
    assert (masks.agree, masks.iou) == (False, 0.5)
    assert (fates.agree, fates.iou) == (False, None)


def test_the_last_word_of_each_counts_and_one_person_is_no_pair():
    assert pairs([said("eve", "accept", minute=0), said("eve", "reject", minute=1)]) == []
    (pair,) = pairs([said("eve", "reject", minute=0), said("bob", "accept", minute=1), said("eve", "accept", minute=2)])
    assert pair.agree and pair.second.reviewer == "eve"
