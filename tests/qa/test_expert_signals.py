from dataclasses import replace

import numpy as np
import pytest

from qa.expert_signals import expert_signals
from qa.view import Outline, View

SIZE = (90, 120)
BODY = np.zeros(SIZE, np.bool_)
BODY[20:90, 30:90] = True
PART = BODY.copy()
PART[60:] = False


def portrait(label: np.ndarray, **votes: np.ndarray) -> View:
    """A talking head: its box is wide and reaches the lower side. Nothing in the picture speaks for either outline."""
    return View(
        image=np.full((*SIZE, 3), 90, np.uint8),
        trust=np.zeros(SIZE, np.uint8),
        label=Outline(label),
        votes={name: vote.astype(np.uint8) * 255 for name, vote in votes.items()},
        boxes=[[0.2, 0.2, 0.8, 1.0]],
        scores=[0.9],
    )


def test_two_models_made_for_portraits_outweigh_three_that_were_not():
    votes = {"selfie": BODY, "selfie_landscape": BODY, "pose": PART, "u2netp": PART, "u2netp_crop": PART}
    right, wrong = expert_signals(portrait(BODY, **votes)), expert_signals(portrait(PART, **votes))
    assert right["expert_iou"] == 1 and right["expert_f"] == 1
    assert wrong["expert_iou"] == pytest.approx(PART.sum() / BODY.sum())
    # On a flat picture the weights are the expertise alone: 1, 1, .5, .5, .5.
    unbacked = right["expert_core"] * (BODY & ~Outline(BODY).band).sum()
    contested = (BODY & ~Outline(BODY).band & ~PART).sum()
    assert unbacked == pytest.approx(1.5 / 3.5 * contested, rel=1e-4)
    assert wrong["expert_core"] == 0


def test_the_order_of_the_teachers_does_not_matter():
    votes = {"selfie": BODY, "pose": PART, "u2netp": BODY}
    turned = dict(reversed(votes.items()))
    assert expert_signals(portrait(PART, **votes)) == pytest.approx(expert_signals(portrait(PART, **turned)))


def test_one_teacher_is_no_company_and_an_empty_label_has_no_core():
    assert expert_signals(portrait(BODY, selfie=BODY)) == {}
    found = expert_signals(portrait(BODY & False, selfie=BODY, pose=BODY))
    assert found == {"expert_missing": pytest.approx(1, abs=0.01), "expert_surplus": 0.0, "expert_iou": 0.0,
                     "expert_f": 0.0, "expert_support": pytest.approx(0, abs=0.01)}  # fmt: skip


def test_what_the_experts_have_and_the_label_lacks_by_hand():
    """A third of the body below the label, and a strip one pixel wide, which is too thin to count."""
    strip = BODY.copy()
    strip[20:90, 90] = True
    votes = {"selfie": BODY, "selfie_landscape": strip, "pose": PART}
    found = expert_signals(portrait(PART, **votes))
    assert found["expert_missing"] == pytest.approx((BODY & ~PART).sum() / BODY.sum(), abs=0.01)
    assert found["expert_surplus"] == 0
    turned = expert_signals(portrait(BODY, selfie=PART, selfie_landscape=PART, pose=BODY))
    assert turned["expert_surplus"] == pytest.approx(found["expert_missing"]) and turned["expert_missing"] == 0


@pytest.mark.parametrize(
    ("box", "expert"),
    [([0.2, 0.2, 0.8, 1.0], "selfie"), ([0.2, 0.1, 0.75, 0.85], "u2netp"), ([0.4, 0.4, 0.5, 0.7], "pose")],
)
def test_on_each_shot_another_is_asked(box: list[float], expert: str):
    votes = {name: BODY if name == expert else PART for name in ("selfie", "u2netp", "pose")}
    view = replace(portrait(BODY, **votes), boxes=[box])
    supported = expert_signals(view)["expert_core"]
    others = {name: PART if name == expert else BODY for name in votes}
    contradicted = expert_signals(replace(portrait(BODY, **others), boxes=[box]))["expert_core"]
    # whoever is expert here counts as much as the other two together
    assert contradicted >= supported - 1e-6
