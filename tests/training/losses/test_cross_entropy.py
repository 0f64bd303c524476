import math

import pytest
import torch

from training.losses.cross_entropy import cross_entropy


def test_by_hand_of_hard_and_soft_targets() -> None:
    logits = torch.logit(torch.tensor([0.8, 0.8, 0.25])).view(1, 1, 1, 3)
    found = cross_entropy(logits, torch.tensor([1.0, 0.0, 0.5]).view(1, 1, 1, 3)).flatten().tolist()
    expected = [-math.log(0.8), -math.log(0.2), -0.5 * math.log(0.25) - 0.5 * math.log(0.75)]
    assert found == pytest.approx(expected, rel=1e-5)
